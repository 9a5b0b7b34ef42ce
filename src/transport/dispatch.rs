//! Sorts requests by content type. Native gRPC goes to the door; what is not gRPC is told so in HTTP's own terms.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::pin::Pin;
use std::task::{Context, Poll};

use http::header::{ALLOW, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response, StatusCode, Version};
use pin_project_lite::pin_project;
use tonic::body::Body;

use super::Peer;
use super::handler::Handler;

/// What a person sees who came with a browser.
const NOT_GRPC: &str = "This port speaks gRPC: send POST with content-type application/grpc over HTTP/2.\n";

/// The handler of every connection.
#[derive(Clone)]
pub struct Dispatch<G> {
    grpc: G,
}

pin_project! {
    /// An answer in the making.
    pub struct Answer<F> {
        #[pin]
        maker: Maker<F>,
    }
}

pin_project! {
    #[project = MakerProjection]
    enum Maker<F> {
        Handler { #[pin] future: F },
        Nobody { #[pin] future: Ready<Result<Response<Body>, Infallible>> },
    }
}

impl<G: Handler> Dispatch<G> {
    /// Sends native gRPC to `grpc`.
    #[must_use]
    pub fn new(grpc: G) -> Self {
        Self { grpc }
    }
}

impl<G: Handler> Handler for Dispatch<G> {
    type Future = Answer<G::Future>;

    fn call(&self, request: Request<Body>, peer: Peer) -> Self::Future {
        if !is_grpc(request.headers().get(CONTENT_TYPE)) {
            return refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE);
        }
        if request.method() != Method::POST {
            return refuse(StatusCode::METHOD_NOT_ALLOWED);
        }
        // Without HTTP/2 there are no trailers, and without trailers no status that can be trusted.
        if request.version() < Version::HTTP_2 {
            return refuse(StatusCode::HTTP_VERSION_NOT_SUPPORTED);
        }
        Answer { maker: Maker::Handler { future: self.grpc.call(request, peer) } }
    }
}

impl<F: Future<Output = Result<Response<Body>, Infallible>>> Future for Answer<F> {
    type Output = Result<Response<Body>, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().maker.project() {
            MakerProjection::Handler { future } => future.poll(cx),
            MakerProjection::Nobody { future } => future.poll(cx),
        }
    }
}

/// `application/grpc`, alone or with `+proto`, parameters ignored. Another message format would be decoded as protobuf,
/// so it is refused here.
fn is_grpc(content_type: Option<&HeaderValue>) -> bool {
    let Some(text) = content_type.and_then(|value| value.to_str().ok()) else { return false };
    let essence = text.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/grpc") || essence.eq_ignore_ascii_case("application/grpc+proto")
}

fn refuse<F>(status: StatusCode) -> Answer<F> {
    let mut response = Response::new(Body::new(http_body_util::Full::from(NOT_GRPC)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    if status == StatusCode::METHOD_NOT_ALLOWED {
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
    }
    Answer { maker: Maker::Nobody { future: ready(Ok(response)) } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_protobuf_grpc_is_grpc() {
        for (text, expected) in [
            ("application/grpc", true),
            ("application/grpc+proto", true),
            ("Application/gRPC; charset=utf-8", true),
            ("application/grpc+json", false),
            ("application/grpc-web", false),
            ("application/grpc-web+proto", false),
            ("application/json", false),
            ("", false),
        ] {
            assert_eq!(is_grpc(Some(&HeaderValue::from_static(text))), expected, "{text:?}");
        }
        assert!(!is_grpc(None));
    }
}
