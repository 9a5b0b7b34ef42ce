//! gRPC-Web: gRPC for browsers, which cannot read trailers. The translation is tonic-web's; this finds out which of its forms
//! a request has, and gives the door to it as the service that it wants.

use std::convert::Infallible;
use std::task::{Context, Poll};

use http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Request, Response};
use tonic::body::Body;
use tonic_web::GrpcWebLayer;
use tower_layer::Layer as _;
use tower_service::Service;

use super::body_fault::BodyFault;
use crate::transport::{Handler, Peer, media_type};

const BINARY: HeaderValue = HeaderValue::from_static("application/grpc-web+proto");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
const TEXT: HeaderValue = HeaderValue::from_static("application/grpc-web-text+proto");

/// How messages are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// As bytes.
    Binary,
    /// In base64.
    Text,
    /// As native gRPC has them, which comes here where it cannot be answered as that.
    Native,
    /// In a way that we do not read.
    Other,
}

/// The form of a request; `None` if it is no gRPC at all.
pub(super) fn form(headers: &HeaderMap) -> Option<Form> {
    Some(match media_type(headers.get(CONTENT_TYPE)).to_ascii_lowercase().as_str() {
        "application/grpc-web" | "application/grpc-web+proto" => Form::Binary,
        "application/grpc-web-text" | "application/grpc-web-text+proto" => Form::Text,
        "application/grpc" | "application/grpc+proto" => Form::Native,
        other if other.starts_with("application/grpc") => Form::Other,
        _ => return None,
    })
}

/// Answers a request in `form`, which is one that we read.
pub(super) async fn answer<D: Handler>(
    door: D,
    mut request: Request<Body>,
    peer: Peer,
    form: Form,
) -> Response<Body> {
    spell_out(request.headers_mut(), form);
    let fault = BodyFault::default();
    let request = fault.noted(request);
    let mut service = GrpcWebLayer::new().layer(Entrance { door, peer, fault });
    let mut response = match service.call(request).await {
        Ok(response) => response,
        Err(infallible) => match infallible {},
    };
    // Most have a token or a user in them.
    response.headers_mut().insert(CACHE_CONTROL, NO_STORE);
    response
}

/// The library knows four spellings of the content type, none of them with a parameter, and answers as bytes unless the
/// header `accept` is one of them.
fn spell_out(headers: &mut HeaderMap, form: Form) {
    let asked = headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or("*/*");
    let wants_text = asked.to_ascii_lowercase().contains("application/grpc-web-text");
    let leaves_it_open = !asked.to_ascii_lowercase().contains("application/grpc-web");
    let as_text = wants_text || (leaves_it_open && form == Form::Text);
    headers.insert(ACCEPT, if as_text { TEXT } else { BINARY });
    headers.insert(CONTENT_TYPE, if form == Form::Text { TEXT } else { BINARY });
}

/// The door, for one request of a peer.
struct Entrance<D> {
    door: D,
    peer: Peer,
    fault: BodyFault,
}

impl<D: Handler> Service<Request<Body>> for Entrance<D> {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = D::Future;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> D::Future {
        self.door.call(self.fault.told(request), self.peer.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(content_type: &str, accept: Option<&str>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, content_type.parse().unwrap());
        if let Some(accept) = accept {
            headers.insert(ACCEPT, accept.parse().unwrap());
        }
        headers
    }

    #[test]
    fn the_form_is_told_by_the_media_type_alone() {
        for (text, expected) in [
            ("application/grpc-web", Some(Form::Binary)),
            ("Application/gRPC-Web+Proto; charset=utf-8", Some(Form::Binary)),
            ("application/grpc-web-text ;x=y", Some(Form::Text)),
            ("application/grpc-web-text+proto", Some(Form::Text)),
            ("application/grpc-web+json", Some(Form::Other)),
            ("application/grpc-web-text+thrift", Some(Form::Other)),
            ("application/grpc+json", Some(Form::Other)),
            ("Application/gRPC; x=y", Some(Form::Native)),
            ("application/grpc+proto", Some(Form::Native)),
            ("application/json", None),
            ("application/json; application/grpc-web", None),
        ] {
            assert_eq!(form(&headers(text, None)), expected, "{text}");
        }
    }

    #[test]
    fn the_answer_has_the_form_that_is_accepted_or_else_that_of_the_request() {
        for (content_type, accept, expected) in [
            ("application/grpc-web", None, BINARY),
            ("application/grpc-web-text", None, TEXT),
            ("application/grpc-web-text", Some("*/*"), TEXT),
            ("application/grpc-web-text", Some("application/grpc-web"), BINARY),
            ("application/grpc-web", Some("application/grpc-web-text;q=1"), TEXT),
        ] {
            let mut headers = headers(content_type, accept);
            let form = form(&headers).unwrap();
            spell_out(&mut headers, form);
            assert_eq!(headers[ACCEPT], expected, "{content_type} {accept:?}");
        }
    }
}
