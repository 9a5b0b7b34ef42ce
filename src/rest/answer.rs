//! An answer over HTTP: JSON, and how long it may be kept.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use http_body_util::Full;
use prost_reflect::{DynamicMessage, MessageDescriptor, SerializeOptions};
use tonic::body::Body;

use super::problem::Problem;

/// What is written about answers that must not be kept by anybody.
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// An answer with these headers and this JSON. It is not kept unless somebody says so: most have a token or a user in
/// them, and an error may be another one a moment later.
pub(super) fn json(mut headers: HeaderMap, status: StatusCode, json: impl Into<Bytes>) -> Response<Body> {
    let json = json.into();
    headers.insert(CONTENT_TYPE, JSON);
    headers.insert(CONTENT_LENGTH, HeaderValue::from(json.len()));
    headers.insert(CACHE_CONTROL, NO_STORE);
    let mut response = Response::new(Body::new(Full::from(json)));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

/// An answer without a body.
pub(super) fn empty(headers: HeaderMap, status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

/// A message as JSON, with the fields that have their default values: a client sees `"roles": []` and need not guess.
pub(super) fn encode(
    descriptor: MessageDescriptor,
    message: &[u8],
) -> Result<(DynamicMessage, Vec<u8>), Problem> {
    let message = DynamicMessage::decode(descriptor, message).map_err(|_| Problem::Internal)?;
    let options = SerializeOptions::new().skip_default_fields(false);
    let mut json = serde_json::Serializer::new(Vec::new());
    message.serialize_with_options(&mut json, &options).map_err(|_| Problem::Internal)?;
    Ok((message, json.into_inner()))
}
