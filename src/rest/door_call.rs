//! A call at the door, made by a request that came over HTTP.

use bytes::Bytes;
use http::header::{
    AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, DATE, TE, TRAILER, TRANSFER_ENCODING, USER_AGENT,
};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, Uri, Version};
use http_body_util::BodyExt;
use tonic::body::Body;
use tonic::{Code, Status};

use crate::transport::{Handler, Peer};

/// Where a call is named, both ways.
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// What of a request's headers is the call's.
const CARRIED_IN: [HeaderName; 5] =
    [AUTHORIZATION, USER_AGENT, COOKIE, REQUEST_ID, HeaderName::from_static("grpc-timeout")];
/// Headers of our own, whatever they may be.
const OWN_PREFIX: &str = "x-countersign-";
/// What of an answer's headers is gRPC's own, or that of the connection.
const NOT_CARRIED_OUT: [HeaderName; 5] = [CONTENT_TYPE, CONTENT_LENGTH, DATE, TRAILER, TRANSFER_ENCODING];
/// A path of which the door knows nothing.
const NOWHERE: &str = "/";
/// The flag and the length in front of a message.
const PREFIX: usize = 5;

/// What came back through the door.
pub(super) struct Returned {
    /// What the service says beside its message.
    pub(super) headers: HeaderMap,
    /// Its message, or why there is none.
    pub(super) outcome: Result<Bytes, Status>,
}

/// What a call is named, by its answer's headers.
pub(super) fn request_id(headers: &HeaderMap) -> &str {
    headers.get(REQUEST_ID).and_then(|id| id.to_str().ok()).unwrap_or_default()
}

/// Calls the method at `path`. Everything that came with the connection stays with the call.
pub(super) async fn call<G: Handler>(door: &G, path: Uri, from: Parts, body: Body, peer: Peer) -> Returned {
    let mut request = Request::new(body);
    *request.method_mut() = Method::POST;
    *request.version_mut() = Version::HTTP_2;
    *request.uri_mut() = path;
    *request.extensions_mut() = from.extensions;
    let headers = request.headers_mut();
    for (name, value) in &from.headers {
        if CARRIED_IN.contains(name) || name.as_str().starts_with(OWN_PREFIX) {
            headers.append(name, value.clone());
        }
    }
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    headers.insert(TE, HeaderValue::from_static("trailers"));
    let Ok(response) = door.call(request, peer).await;
    read(response).await
}

/// Asks the door for nothing: whether a call of this peer would be heard at all, and how it is named. It counts like any
/// other, so that what is answered without a method is no way around the limits. A door that hears it knows no such method.
pub(super) async fn knock<G: Handler>(
    door: &G,
    from: Parts,
    peer: Peer,
) -> Result<HeaderMap, (HeaderMap, Status)> {
    let Returned { headers, outcome } =
        call(door, Uri::from_static(NOWHERE), from, Body::empty(), peer).await;
    match outcome {
        Err(status) if status.code() == Code::Unimplemented => Ok(headers),
        Err(status) => Err((headers, status)),
        Ok(_) => Ok(headers),
    }
}

async fn read(response: Response<Body>) -> Returned {
    let (parts, body) = response.into_parts();
    let mut status = Status::from_header_map(&parts.headers);
    let mut message = Bytes::new();
    if status.is_none() {
        match body.collect().await {
            Ok(body) => {
                status = body.trailers().and_then(Status::from_header_map);
                message = body.to_bytes();
            }
            Err(broken) => status = Some(broken),
        }
    }
    let outcome = match status {
        Some(status) if status.code() == Code::Ok => Ok(message.slice(message.len().min(PREFIX)..)),
        Some(status) => Err(status),
        None => Err(Status::unknown("no status")),
    };
    Returned { headers: carried_out(parts.headers), outcome }
}

fn carried_out(mut headers: HeaderMap) -> HeaderMap {
    let own = |name: &HeaderName| NOT_CARRIED_OUT.contains(name) || name.as_str().starts_with("grpc-");
    let names: Vec<HeaderName> = headers.keys().filter(|name| own(name)).cloned().collect();
    for name in names {
        headers.remove(name);
    }
    headers
}
