//! Sorts requests by content type: native gRPC goes straight to the door, everything else to whoever speaks HTTP, gRPC that
//! did not come as gRPC has to among it.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::header::{CONTENT_TYPE, ORIGIN};
use http::{HeaderName, HeaderValue, Method, Request, Response, Version};
use pin_project_lite::pin_project;
use tonic::body::Body;

use super::Peer;
use super::handler::Handler;
use super::media_type::media_type;

/// What a browser says of the site of the page that sends something.
pub const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The handler of every connection.
#[derive(Clone)]
pub struct Dispatch<G, H> {
    grpc: G,
    http: H,
}

pin_project! {
    /// An answer in the making.
    pub struct Answer<G, H> {
        #[pin]
        maker: Maker<G, H>,
    }
}

pin_project! {
    #[project = MakerProjection]
    enum Maker<G, H> {
        Grpc { #[pin] future: G },
        Http { #[pin] future: H },
    }
}

impl<G: Handler, H: Handler> Dispatch<G, H> {
    /// Sends native gRPC to `grpc` and the rest to `http`.
    #[must_use]
    pub fn new(grpc: G, http: H) -> Self {
        Self { grpc, http }
    }
}

impl<G: Handler, H: Handler> Handler for Dispatch<G, H> {
    type Future = Answer<G::Future, H::Future>;

    fn call(&self, request: Request<Body>, peer: Peer) -> Self::Future {
        let headers = request.headers();
        // What a browser says of where it comes from stands in native gRPC too, where a gateway made that of what it was sent:
        // the rule about it is kept where the rest of HTTP is met.
        let of_browser = headers.contains_key(ORIGIN) || headers.contains_key(SEC_FETCH_SITE);
        let maker = if is_native_grpc(&request) && !of_browser {
            Maker::Grpc { future: self.grpc.call(request, peer) }
        } else {
            Maker::Http { future: self.http.call(request, peer) }
        };
        Answer { maker }
    }
}

impl<G, H> Future for Answer<G, H>
where
    G: Future<Output = Result<Response<Body>, Infallible>>,
    H: Future<Output = Result<Response<Body>, Infallible>>,
{
    type Output = Result<Response<Body>, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().maker.project() {
            MakerProjection::Grpc { future } => future.poll(cx),
            MakerProjection::Http { future } => future.poll(cx),
        }
    }
}

/// Whether a request is gRPC as it has to come. Without HTTP/2 there are no trailers, and without trailers no status that can be
/// trusted.
pub(super) fn is_native_grpc<B>(request: &Request<B>) -> bool {
    request.method() == Method::POST
        && request.version() >= Version::HTTP_2
        && is_grpc(request.headers().get(CONTENT_TYPE))
}

/// `application/grpc`, alone or with `+proto`, parameters ignored. Another message format would be decoded as protobuf,
/// so it is refused here.
fn is_grpc(content_type: Option<&HeaderValue>) -> bool {
    let named = media_type(content_type);
    named.eq_ignore_ascii_case("application/grpc") || named.eq_ignore_ascii_case("application/grpc+proto")
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
