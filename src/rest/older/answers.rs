//! What clients of the older surface are told, byte for byte what the old application told them where it can be.

use bytes::Bytes;
use http::header::{ALLOW, LOCATION, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use prost::{DecodeError, Message};
use serde_json::{Value, json};
use tonic::body::Body;
use tonic::{Code, Status};

use super::older_api::Call;
use crate::pb::auth::v1::{CreateUserResponse, GetUserResponse, GreetResponse, IssueTokenResponse};
use crate::rest::problem::Problem;
use crate::rest::{answer, refusal};

/// What makes browsers and old clients ask for a name and a password. Only here: a page of the API itself must not teach a
/// browser to send one by itself.
const CHALLENGE: HeaderValue = HeaderValue::from_static("Basic realm=\"Authentication Required\"");

/// What is said to a call that succeeded.
pub(super) struct Said {
    status: StatusCode,
    body: Value,
    location: Option<String>,
}

impl Said {
    pub(super) fn new_user(message: Bytes) -> Result<Self, DecodeError> {
        let user = CreateUserResponse::decode(message)?.user.unwrap_or_default();
        let location = Some(format!("/api/users/{}", user.user_id));
        Ok(Self { status: StatusCode::CREATED, location, ..Self::ok(json!({"username": user.username})) })
    }

    pub(super) fn user(message: Bytes) -> Result<Self, DecodeError> {
        let user = GetUserResponse::decode(message)?.user.unwrap_or_default();
        Ok(Self::ok(json!({"username": user.username})))
    }

    pub(super) fn token(message: Bytes) -> Result<Self, DecodeError> {
        let issued = IssueTokenResponse::decode(message)?;
        let duration = issued.duration.unwrap_or_default().seconds;
        Ok(Self::ok(json!({"token": issued.token, "duration": duration})))
    }

    pub(super) fn resource(message: Bytes) -> Result<Self, DecodeError> {
        Ok(Self::ok(json!({"data": GreetResponse::decode(message)?.message})))
    }

    fn ok(body: Value) -> Self {
        Self { status: StatusCode::OK, body, location: None }
    }

    pub(super) fn into_response(self, headers: HeaderMap) -> Response<Body> {
        let mut response = answer::json(headers, self.status, self.body.to_string().into_bytes());
        if let Some(location) = self.location.and_then(|text| HeaderValue::try_from(text).ok()) {
            response.headers_mut().insert(LOCATION, location);
        }
        response
    }
}

/// What is said to a call that was refused behind the door.
pub(super) fn refusal(call: Call, headers: HeaderMap, status: &Status) -> Response<Body> {
    let (http, text) = match (call, status.code()) {
        (Call::NewUser, Code::AlreadyExists) => (StatusCode::BAD_REQUEST, "existing user"),
        // The old ids were numbers; one of those is no user's any more.
        (Call::User, Code::NotFound | Code::InvalidArgument) => (StatusCode::BAD_REQUEST, "user not found"),
        _ => (refusal::http_status(status), status.message()),
    };
    let mut response = message(headers, http, text);
    if http == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(WWW_AUTHENTICATE, CHALLENGE);
    }
    if let Some(after) = refusal::retry_after(status) {
        response.headers_mut().insert(RETRY_AFTER, after);
    }
    response
}

/// What is said to a request that cannot become a call.
pub(super) fn problem(headers: HeaderMap, problem: &Problem) -> Response<Body> {
    message(headers, problem.http(), problem.to_status("").message())
}

/// What is said to a request whose verb its path does not know, or that asks for those that it knows.
pub(super) fn other_verb(headers: HeaderMap, options: bool, allowed: &str) -> Response<Body> {
    let mut response = match options {
        true => answer::empty(headers, StatusCode::NO_CONTENT),
        false => problem(headers, &Problem::Verb),
    };
    if let Ok(allowed) = HeaderValue::from_str(allowed) {
        response.headers_mut().insert(ALLOW, allowed);
    }
    response
}

fn message(headers: HeaderMap, status: StatusCode, text: &str) -> Response<Body> {
    answer::json(headers, status, json!({"message": text}).to_string().into_bytes())
}
