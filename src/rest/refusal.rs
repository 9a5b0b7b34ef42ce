//! An error as HTTP: the status code of its code and reason, and `google.rpc.Status` in JSON.

use std::time::Duration;

use http::header::{ALLOW, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use prost_reflect::{DynamicMessage, SerializeOptions};
use tonic::body::Body;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use super::answer;
use super::door_call::request_id;
use super::problem::Problem;
use super::route::Route;
use super::schema::Schema;
use super::spelling;

/// What a client is asked to authenticate with.
const CHALLENGE: HeaderValue = HeaderValue::from_static("Bearer");
/// The one reason that another HTTP status goes with than with others of its code.
const TOO_LARGE: &str = "MESSAGE_TOO_LARGE";

/// The answer to a call that was refused behind the door.
pub(super) fn of_status(schema: &Schema, headers: HeaderMap, status: &Status) -> Response<Body> {
    let mut response = render(schema, headers, http_status(status), status);
    if response.status() == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(WWW_AUTHENTICATE, CHALLENGE);
    }
    response
}

/// The answer to a request that is no call.
pub(super) fn of_problem(schema: &Schema, headers: HeaderMap, problem: &Problem) -> Response<Body> {
    let status = problem.to_status(request_id(&headers));
    render(schema, headers, problem.http(), &status)
}

/// The answer to a call of `route` that was refused behind the door, or whose message could not be made.
pub(super) fn of_call(
    schema: &Schema,
    route: &Route,
    headers: HeaderMap,
    refused: Result<&Problem, Status>,
) -> Response<Body> {
    let in_json = |status| spelling::in_json(status, &route.input(), route.template());
    match refused {
        Ok(problem) => {
            let status = in_json(problem.to_status(request_id(&headers)));
            render(schema, headers, problem.http(), &status)
        }
        Err(status) => of_status(schema, headers, &in_json(status)),
    }
}

/// The answer to a request whose verb its path does not know.
pub(super) fn of_verb(schema: &Schema, headers: HeaderMap, allowed: &str) -> Response<Body> {
    allowing(allowed, of_problem(schema, headers, &Problem::Verb))
}

/// The answer to who asks for the verbs of a path.
pub(super) fn options(headers: HeaderMap, allowed: &str) -> Response<Body> {
    allowing(allowed, answer::empty(headers, StatusCode::NO_CONTENT))
}

fn allowing(allowed: &str, mut response: Response<Body>) -> Response<Body> {
    if let Ok(allowed) = HeaderValue::from_str(allowed) {
        response.headers_mut().insert(ALLOW, allowed);
    }
    response
}

fn render(schema: &Schema, headers: HeaderMap, http: StatusCode, status: &Status) -> Response<Body> {
    let mut response = answer::json(headers, http, encode(schema, status).unwrap_or_default());
    if let Some(after) = retry_after(status) {
        response.headers_mut().insert(RETRY_AFTER, after);
    }
    response
}

/// When to come back, if the error says so.
pub(super) fn retry_after(status: &Status) -> Option<HeaderValue> {
    let span = status.get_error_details().retry_info()?.retry_delay?;
    Some(HeaderValue::from(whole_seconds(span)))
}

fn encode(schema: &Schema, status: &Status) -> Option<Vec<u8>> {
    let message = DynamicMessage::decode(schema.status(), status.details()).ok()?;
    let mut json = serde_json::Serializer::new(Vec::new());
    message.serialize_with_options(&mut json, &SerializeOptions::new()).ok()?;
    Some(json.into_inner())
}

/// Rounded up: who comes back too early is refused again.
fn whole_seconds(span: Duration) -> u64 {
    span.as_secs() + u64::from(span.subsec_nanos() > 0)
}

/// The HTTP status of an error.
pub(super) fn http_status(status: &Status) -> StatusCode {
    let too_large = || status.get_error_details().error_info().is_some_and(|info| info.reason == TOO_LARGE);
    match status.code() {
        Code::Ok => StatusCode::OK,
        Code::InvalidArgument | Code::FailedPrecondition | Code::OutOfRange => StatusCode::BAD_REQUEST,
        Code::Unauthenticated => StatusCode::UNAUTHORIZED,
        Code::PermissionDenied => StatusCode::FORBIDDEN,
        Code::NotFound | Code::Unimplemented => StatusCode::NOT_FOUND,
        Code::AlreadyExists | Code::Aborted => StatusCode::CONFLICT,
        Code::ResourceExhausted if too_large() => StatusCode::PAYLOAD_TOO_LARGE,
        Code::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
        Code::DeadlineExceeded => StatusCode::GATEWAY_TIMEOUT,
        Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Code::Cancelled | Code::Unknown | Code::Internal | Code::DataLoss => {
            StatusCode::INTERNAL_SERVER_ERROR
        }
    }
}
