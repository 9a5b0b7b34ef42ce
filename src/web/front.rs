//! Where a request goes that is not native gRPC, or says that it comes from a browser. In this order: the host that it asks for and the cross-site rule, what
//! browsers are told about listed origins, and then to whoever answers it.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::header::{ACCESS_CONTROL_REQUEST_METHOD, COOKIE, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderValue, Method, Request, Response, Version};
use tonic::body::Body;
use tower_http::cors::CorsLayer;
use tower_layer::Layer as _;
use tower_service::Service;

use super::cross_site::{Sender, Setting};
use super::grpc_web::{self, Form};
use super::pages::Page;
use super::{WebOrigin, asked_host, cors, cross_site, pages};
use crate::rest::{Problem, Rest};
use crate::transport::{Handler, Peer};

/// What is said to who sends gRPC, or gRPC-Web, with messages in another format.
const NOT_PROTOBUF: Problem = Problem::MediaType(
    "messages are protobuf here: application/grpc+proto, application/grpc-web+proto or application/grpc-web-text+proto",
);

/// How pages of others are met.
#[derive(Clone, Debug, Default)]
pub struct WebConfig {
    /// The origins whose pages may call.
    pub cors_origins: Vec<WebOrigin>,
}

/// The handler of what is not native gRPC.
#[derive(Clone)]
pub struct Front<D> {
    door: D,
    rest: Rest<D>,
    shared: Arc<Shared>,
}

struct Shared {
    listed: Vec<WebOrigin>,
    cors: Option<CorsLayer>,
}

type Answering = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

impl<D: Handler> Front<D> {
    /// Sends gRPC-Web through `door`, and what is no gRPC and no page to `rest`.
    #[must_use]
    pub fn new(door: D, rest: Rest<D>, config: WebConfig) -> Self {
        let cors = cors::layer(&config.cors_origins);
        Self { door, rest, shared: Arc::new(Shared { listed: config.cors_origins, cors }) }
    }

    async fn meet(self, mut request: Request<Body>, peer: Peer) -> Response<Body> {
        if let Err(problem) = self.check_sender(&mut request, &peer) {
            return self.refuse(request, peer, &problem).await;
        }
        // Without this header, OPTIONS is somebody's question about a path.
        let options = *request.method() == Method::OPTIONS;
        let is_preflight = options && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD);
        match self.shared.cors.clone() {
            Some(cors) if is_preflight => self.tell_beforehand(&cors, request, peer).await,
            Some(cors) if !options => self.tell_listed(&cors, request, peer).await,
            _ => self.answer(request, peer).await,
        }
    }

    /// Who may not send it, or not so, is refused.
    fn check_sender(&self, request: &mut Request<Body>, peer: &Peer) -> Result<(), Problem> {
        let host = asked_host::read(request)?;
        let listed = &self.shared.listed;
        let is_page = pages::find(request.uri().path()).is_some();
        let setting = Setting { host: host.as_ref(), listed, is_page, https: peer.https };
        match cross_site::sender(request, &setting) {
            Sender::Ours => {}
            // It brings a token. A browser would not send the cookie, but that is not left to browsers.
            Sender::Listed => drop(request.headers_mut().remove(COOKIE)),
            Sender::Foreign => return Err(Problem::Origin),
        }
        // Over our own TLS, the certificate has answered for the name.
        let by_any_name =
            !peer.on_loopback || peer.encrypted || !asked_host::is_of_browser(request.headers());
        let known = by_any_name || host.is_some_and(|host| asked_host::is_of_loopback(&host, listed));
        if known { Ok(()) } else { Err(Problem::LoopbackHost) }
    }

    /// A browser's question whether a page may send what it wants to costs its peer as much as a call.
    async fn tell_beforehand(self, cors: &CorsLayer, request: Request<Body>, peer: Peer) -> Response<Body> {
        let (from, body) = request.into_parts();
        match self.rest.admit(from.clone(), peer.clone()).await {
            Ok(headers) => {
                let mut response = self.tell_listed(cors, Request::from_parts(from, body), peer).await;
                response.headers_mut().extend(headers);
                response
            }
            Err(refused) => refused,
        }
    }

    /// The answer, with what browsers are told about listed origins.
    async fn tell_listed(self, cors: &CorsLayer, request: Request<Body>, peer: Peer) -> Response<Body> {
        match cors.layer(Inside { front: self, peer }).call(request).await {
            Ok(response) => response,
            Err(infallible) => match infallible {},
        }
    }

    async fn answer(self, request: Request<Body>, peer: Peer) -> Response<Body> {
        if let Some(page) = pages::find(request.uri().path()) {
            return self.show(page, request, peer).await;
        }
        match grpc_web::form(request.headers()) {
            Some(Form::Other) => self.refuse(request, peer, &NOT_PROTOBUF).await,
            Some(_) if request.method() != Method::POST => {
                self.rest.refuse_verb(request.into_parts().0, peer, "POST").await
            }
            Some(Form::Native) if request.version() < Version::HTTP_2 => {
                self.refuse(request, peer, &Problem::Version).await
            }
            // From a browser, by way of a gateway that made it of what it was sent; the rules are kept by now.
            Some(Form::Native) => match self.door.call(request, peer).await {
                Ok(response) => response,
                Err(infallible) => match infallible {},
            },
            Some(form) => grpc_web::answer(self.door, request, peer, form).await,
            None => match self.rest.call(request, peer).await {
                Ok(response) => response,
                Err(infallible) => match infallible {},
            },
        }
    }

    async fn refuse(&self, request: Request<Body>, peer: Peer, problem: &Problem) -> Response<Body> {
        self.rest.refuse(request.into_parts().0, peer, problem).await
    }

    /// A page costs its peer as much as a call.
    async fn show(&self, page: &Page, request: Request<Body>, peer: Peer) -> Response<Body> {
        let (from, _) = request.into_parts();
        let Some(mut response) = page.answer(&from.method, &from.headers) else {
            return self.rest.refuse_verb(from, peer, pages::VERBS).await;
        };
        match self.rest.admit(from, peer).await {
            Ok(headers) => {
                response.headers_mut().extend(headers);
                response
            }
            Err(refused) => refused,
        }
    }
}

impl<D: Handler> Handler for Front<D> {
    type Future = Answering;

    fn call(&self, request: Request<Body>, peer: Peer) -> Answering {
        let front = self.clone();
        Box::pin(async move {
            let mut response = front.meet(request, peer).await;
            // What is sent as data is data, whatever a browser finds that it looks like.
            response.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
            Ok(response)
        })
    }
}

/// What is behind the rules, as the service that a layer wants.
struct Inside<D> {
    front: Front<D>,
    peer: Peer,
}

impl<D: Handler> Service<Request<Body>> for Inside<D> {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Answering;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Answering {
        let answer = self.front.clone().answer(request, self.peer.clone());
        Box::pin(async move { Ok(answer.await) })
    }
}
