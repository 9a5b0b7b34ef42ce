//! The calls of the older surface, and which of the API's they are.

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, Method, Response, Uri};
use prost::Message;
use tonic::body::Body;

use super::answers::{self, Said};
use super::asked;
use crate::grpc::SessionEndsWithToken;
use crate::pb::auth::v1::GetUserRequest;
use crate::rest::door_call::{self, Returned};
use crate::rest::problem::Problem;
use crate::rest::template::Template;
use crate::rest::{request_body, routes};
use crate::transport::{Handler, Peer, content_type};

/// A call of the older surface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Call {
    NewUser,
    User,
    Token,
    Resource,
}

/// What their paths begin with.
const PREFIX: &str = "/api";

/// Where they are.
const PATHS: [(&str, Call); 5] = [
    ("/api/users", Call::NewUser),
    ("/api/users/{user_id}", Call::User),
    ("/api/user/{user_id}", Call::User),
    ("/api/token", Call::Token),
    ("/api/resource", Call::Resource),
];

impl Call {
    fn verb(self) -> Method {
        if self == Self::NewUser { Method::POST } else { Method::GET }
    }

    /// HEAD is a GET of which nothing is kept, but for a token: that would open a session for nobody.
    fn has_verb(self, verb: &Method) -> bool {
        *verb == self.verb() || (*verb == Method::HEAD && matches!(self, Self::User | Self::Resource))
    }

    fn allowed(self) -> String {
        match self {
            Self::Token => "GET, OPTIONS".to_owned(),
            _ => routes::allow(&[self.verb()]),
        }
    }

    fn grpc_path(self) -> Uri {
        Uri::from_static(match self {
            Self::NewUser => "/auth.v1.AuthService/CreateUser",
            Self::User => "/auth.v1.AuthService/GetUser",
            Self::Token => "/auth.v1.AuthService/IssueToken",
            Self::Resource => "/auth.v1.AuthService/Greet",
        })
    }
}

/// The older surface.
#[derive(Debug)]
pub(in crate::rest) struct OlderApi(Vec<(Template, Call)>);

impl OlderApi {
    pub(in crate::rest) fn new() -> Self {
        let read = |(path, call)| Template::parse(path).map(|template| (template, call));
        Self(PATHS.into_iter().filter_map(read).collect())
    }

    /// Whether a path is of the older surface: under its prefix nothing else is, and its clients read no other errors.
    pub(in crate::rest) fn has(path: &str) -> bool {
        path.strip_prefix(PREFIX).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// Answers a request whose path it has.
    pub(in crate::rest) async fn answer<G: Handler>(
        &self,
        door: &G,
        (from, body): (Parts, Body),
        peer: Peer,
    ) -> Response<Body> {
        let Some((call, user_id)) = self.find(from.uri.path()) else {
            return no_path(door, from, peer).await;
        };
        if !call.has_verb(&from.method) {
            return other_verb(door, from, peer, &call.allowed()).await;
        }
        let (body, complaint) = request_body::transcoded(body, reader(call, user_id, &from));
        let from = with_wishes(call, from);
        let Returned { headers, outcome } = door_call::call(door, call.grpc_path(), from, body, peer).await;
        match (outcome, complaint.get()) {
            (Ok(message), _) => show(call, headers, message),
            (Err(_), Some(problem)) => answers::problem(headers, problem),
            (Err(status), None) => answers::refusal(call, headers, &status),
        }
    }

    fn find(&self, path: &str) -> Option<(Call, String)> {
        self.0.iter().find_map(|(template, call)| {
            let value = template.matches(path)?.into_iter().next().map(|(_, value)| value);
            Some((*call, value.unwrap_or_default()))
        })
    }
}

/// What makes the message of a call from what came with it.
fn reader(
    call: Call,
    user_id: String,
    from: &Parts,
) -> impl FnOnce(&[u8]) -> Result<Vec<u8>, Problem> + Send + use<> {
    let query = from.uri.query().unwrap_or_default().to_owned();
    let content_type = content_type(&from.headers).cloned();
    move |body| {
        Ok(match call {
            Call::NewUser => asked::new_user(content_type.as_ref(), &query, body)?.encode_to_vec(),
            Call::Token => asked::token(&query)?.encode_to_vec(),
            Call::User => GetUserRequest { user_id }.encode_to_vec(),
            Call::Resource => Vec::new(),
        })
    }
}

/// A client of the older surface knows nothing of sessions and would never end one.
fn with_wishes(call: Call, mut from: Parts) -> Parts {
    if call == Call::Token {
        from.extensions.insert(SessionEndsWithToken);
    }
    from
}

fn show(call: Call, headers: HeaderMap, message: Bytes) -> Response<Body> {
    let said = match call {
        Call::NewUser => Said::new_user(message),
        Call::User => Said::user(message),
        Call::Token => Said::token(message),
        Call::Resource => Said::resource(message),
    };
    match said {
        Ok(said) => said.into_response(headers),
        Err(_undecodable) => answers::problem(headers, &Problem::Internal),
    }
}

async fn no_path<G: Handler>(door: &G, from: Parts, peer: Peer) -> Response<Body> {
    match door_call::knock(door, from, peer).await {
        Ok(headers) => answers::problem(headers, &Problem::Path),
        Err((headers, status)) => answers::refusal(Call::Resource, headers, &status),
    }
}

async fn other_verb<G: Handler>(door: &G, from: Parts, peer: Peer, allowed: &str) -> Response<Body> {
    let options = from.method == Method::OPTIONS;
    match door_call::knock(door, from, peer).await {
        Ok(headers) => answers::other_verb(headers, options, allowed),
        Err((headers, status)) => answers::refusal(Call::Resource, headers, &status),
    }
}
