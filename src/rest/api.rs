//! The API itself over HTTP: every method that has an HTTP rule.

use bytes::Bytes;
use http::header::CONTENT_ENCODING;
use http::request::Parts;
use http::{HeaderMap, Method, Response, StatusCode};
use serde_json::Value;
use tonic::Status;
use tonic::body::Body;

use super::door_call::Returned;
use super::message::{Recipe, Source};
use super::problem::Problem;
use super::route::Route;
use super::routes::{Found, Routes};
use super::schema::{Schema, SchemaError};
use super::{answer, caching, door_call, openapi, refusal, request_body, routes};
use crate::domain::Registration;
use crate::transport::{Handler, Peer, content_type, media_type};

/// Where the API is described.
const DESCRIPTION: &str = "/openapi.json";
/// For how many seconds the description may be kept: it changes with the release alone, but then at once.
const DESCRIPTION_MAX_AGE: i64 = 300;

/// The methods and what they are written in.
#[derive(Debug)]
pub(super) struct Api {
    schema: Schema,
    routes: Routes,
    description: Bytes,
}

impl Api {
    /// Reads the descriptors. `others` are paths that are described beside those of the API.
    pub(super) fn read(
        registration: Registration,
        others: Vec<(&'static str, Value)>,
    ) -> Result<Self, SchemaError> {
        let schema = Schema::of_api()?;
        let routes = Routes::new(schema.routes()?);
        let access = openapi::Access { option: schema.access()?, registration };
        let description = openapi::write(routes.iter(), &access, others);
        Ok(Self { schema, routes, description: description.into() })
    }

    /// Answers a request, whatever it is.
    pub(super) async fn answer<G: Handler>(
        &self,
        door: &G,
        (from, body): (Parts, Body),
        peer: Peer,
    ) -> Response<Body> {
        match self.find(&from) {
            Found::Description => self.describe(door, from, peer).await,
            Found::Route(route, values) => match check_type(route, &from.headers) {
                Ok(()) => self.call(door, (route, values), (from, body), peer).await,
                Err(problem) => self.refuse(door, from, peer, &problem).await,
            },
            Found::OtherVerbs(allowed) => self.tell_verbs(door, from, peer, &allowed).await,
            Found::Nothing => self.refuse(door, from, peer, &Problem::Path).await,
        }
    }

    fn find(&self, from: &Parts) -> Found<'_> {
        match from.uri.path() == DESCRIPTION {
            true if matches!(from.method, Method::GET | Method::HEAD) => Found::Description,
            true => Found::OtherVerbs(routes::allow(&[Method::GET])),
            false => self.routes.find(&from.method, from.uri.path()),
        }
    }

    /// A refusal of the door.
    pub(super) fn refusal(&self, headers: HeaderMap, status: &Status) -> Response<Body> {
        refusal::of_status(&self.schema, headers, status)
    }

    async fn describe<G: Handler>(&self, door: &G, from: Parts, peer: Peer) -> Response<Body> {
        let asked = from.headers.clone();
        match door_call::knock(door, from, peer).await {
            Ok(headers) => caching::cacheable(&asked, headers, self.description.clone(), DESCRIPTION_MAX_AGE),
            Err((headers, status)) => refusal::of_status(&self.schema, headers, &status),
        }
    }

    pub(super) async fn tell_verbs<G: Handler>(
        &self,
        door: &G,
        from: Parts,
        peer: Peer,
        allowed: &str,
    ) -> Response<Body> {
        let options = from.method == Method::OPTIONS;
        match door_call::knock(door, from, peer).await {
            Ok(headers) if options => refusal::options(headers, allowed),
            Ok(headers) => refusal::of_verb(&self.schema, headers, allowed),
            Err((headers, status)) => refusal::of_status(&self.schema, headers, &status),
        }
    }

    /// A request that is no call. It is told so if the door would have heard it.
    pub(super) async fn refuse<G: Handler>(
        &self,
        door: &G,
        from: Parts,
        peer: Peer,
        problem: &Problem,
    ) -> Response<Body> {
        match door_call::knock(door, from, peer).await {
            Ok(headers) => refusal::of_problem(&self.schema, headers, problem),
            Err((headers, status)) => refusal::of_status(&self.schema, headers, &status),
        }
    }

    async fn call<G: Handler>(
        &self,
        door: &G,
        (route, path_values): (&Route, Vec<(String, String)>),
        (from, body): (Parts, Body),
        peer: Peer,
    ) -> Response<Body> {
        let query = from.uri.query().unwrap_or_default().to_owned();
        let source = if route.takes_body() { Source::Body { query } } else { Source::Query(query) };
        let recipe = Recipe { message: route.input(), path_values, source };
        let (body, complaint) = request_body::transcoded(body, move |bytes| recipe.encode(bytes));
        let asked = from.headers.clone();
        let Returned { headers, outcome } = door_call::call(door, route.grpc_path(), from, body, peer).await;
        match (outcome, complaint.get()) {
            (Ok(message), _) => self.show(route, &asked, headers, &message),
            (Err(_), Some(problem)) => refusal::of_call(&self.schema, route, headers, Ok(problem)),
            (Err(status), None) => refusal::of_call(&self.schema, route, headers, Err(status)),
        }
    }

    fn show(&self, route: &Route, asked: &HeaderMap, headers: HeaderMap, message: &[u8]) -> Response<Body> {
        match answer::encode(route.output(), message) {
            Ok((message, json)) => match caching::max_age(&message) {
                Some(max_age) => caching::cacheable(asked, headers, json, max_age),
                None => answer::json(headers, StatusCode::OK, json),
            },
            Err(problem) => {
                let (id, method) = (door_call::request_id(&headers), route.method().full_name());
                tracing::error!(request_id = id, method, "an answer could not be written as JSON");
                refusal::of_problem(&self.schema, headers, &problem)
            }
        }
    }
}

/// A body is JSON, and says so: a page of another site can make a browser send anything else without being asked.
fn check_type(route: &Route, headers: &HeaderMap) -> Result<(), Problem> {
    if headers.get(CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity") {
        return Err(Problem::MediaType("the body must not be compressed"));
    }
    let json = media_type(content_type(headers)).eq_ignore_ascii_case("application/json");
    if route.takes_body() && !json {
        return Err(Problem::MediaType(
            "the header content-type must be there once, and be application/json",
        ));
    }
    Ok(())
}
