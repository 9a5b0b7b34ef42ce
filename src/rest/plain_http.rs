//! The handler of what comes as plain HTTP.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use http::request::Parts;
use http::{HeaderMap, Method, Request, Response};
use tonic::body::Body;

use super::api::Api;
use super::door_call;
use super::older::{self, OlderApi};
use super::problem::Problem;
use super::schema::SchemaError;
use crate::domain::Registration;
use crate::transport::{Handler, Peer};

/// JSON over HTTP, in front of a door; a cheap handle.
#[derive(Clone)]
pub struct Rest<G>(Arc<Inner<G>>);

struct Inner<G> {
    door: G,
    api: Api,
    older: Option<OlderApi>,
}

impl<G: Handler> Rest<G> {
    /// Reads what paths there are; those of the older API only if it is on. Every request goes through `door`, which speaks
    /// gRPC, and knows itself who may register: here it is only described.
    pub fn new(door: G, registration: Registration, older_api: bool) -> Result<Self, SchemaError> {
        let older = older_api.then(OlderApi::new);
        let described = if older_api { older::paths(registration) } else { Vec::new() };
        Ok(Self(Arc::new(Inner { door, api: Api::read(registration, described)?, older })))
    }

    /// Whether a request of this peer would be heard at all, for what is answered without a method: what its answer is named,
    /// or why not. It counts like any other.
    pub async fn admit(&self, from: Parts, peer: Peer) -> Result<HeaderMap, Response<Body>> {
        let Inner { door, api, .. } = &*self.0;
        let refusal = |(headers, status)| api.refusal(headers, &status);
        door_call::knock(door, from, peer).await.map_err(refusal)
    }

    /// Refuses a request that is no call, as every other is refused.
    pub async fn refuse(&self, from: Parts, peer: Peer, problem: &Problem) -> Response<Body> {
        let head = from.method == Method::HEAD;
        without_body_if(head, self.0.api.refuse(&self.0.door, from, peer, problem).await)
    }

    /// Refuses a request whose path has no such verb, and tells which it has.
    pub async fn refuse_verb(&self, from: Parts, peer: Peer, allowed: &str) -> Response<Body> {
        let head = from.method == Method::HEAD;
        without_body_if(head, self.0.api.tell_verbs(&self.0.door, from, peer, allowed).await)
    }

    async fn answer(&self, request: Request<Body>, peer: Peer) -> Response<Body> {
        let Inner { door, api, older } = &*self.0;
        let (from, body) = request.into_parts();
        let head = from.method == Method::HEAD;
        let older = older.as_ref().filter(|_| OlderApi::has(from.uri.path()));
        let response = match older {
            Some(older) => older.answer(door, (from, body), peer).await,
            None => api.answer(door, (from, body), peer).await,
        };
        without_body_if(head, response)
    }
}

/// Not every version of HTTP drops it by itself. Its length stays.
fn without_body_if(head: bool, response: Response<Body>) -> Response<Body> {
    if head { response.map(|_| Body::empty()) } else { response }
}

impl<G: Handler> Handler for Rest<G> {
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn call(&self, request: Request<Body>, peer: Peer) -> Self::Future {
        let rest = self.clone();
        Box::pin(async move { Ok(rest.answer(request, peer).await) })
    }
}
