//! What is refused before the door, in a form that programs read on whatever wire they came: HTTP's status, gRPC's in
//! headers, and the error as JSON.

use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderName, HeaderValue, Response, StatusCode};
use http_body_util::Full;
use tonic::body::Body;

const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");

/// A page of somebody else has sent it.
pub(super) fn cross_site() -> Response<Body> {
    const JSON: &str = concat!(
        r#"{"code":7,"message":"pages of this origin may not call: it is not among --cors-origins","details":["#,
        r#"{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"ORIGIN_REFUSED","domain":"auth.v1"}]}"#,
    );
    let mut response = json(StatusCode::FORBIDDEN, JSON);
    let headers = response.headers_mut();
    headers.insert(GRPC_STATUS, HeaderValue::from_static("7"));
    headers.insert(GRPC_MESSAGE, HeaderValue::from_static("pages of this origin may not call"));
    response
}

/// gRPC-Web in a form of messages that we do not read.
pub(super) fn unknown_form() -> Response<Body> {
    const JSON: &str = r#"{"code":3,"message":"messages of gRPC-Web are protobuf here: application/grpc-web+proto or application/grpc-web-text+proto","details":[]}"#;
    json(StatusCode::UNSUPPORTED_MEDIA_TYPE, JSON)
}

/// gRPC-Web, but not sent as it has to be.
pub(super) fn not_post() -> Response<Body> {
    const JSON: &str = r#"{"code":12,"message":"gRPC-Web is sent with POST","details":[]}"#;
    let mut response = json(StatusCode::METHOD_NOT_ALLOWED, JSON);
    response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
    response
}

fn json(status: StatusCode, text: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::new(Full::from(text)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
