//! Where a request goes that is not native gRPC.

use std::convert::Infallible;
use std::future::{Future, ready};
use std::pin::Pin;

use http::header::CONTENT_TYPE;
use http::{HeaderValue, Request, Response, StatusCode};
use tonic::body::Body;

use crate::rest::Rest;
use crate::transport::{Handler, Peer};

/// What is said to who sends a gRPC that is not spoken here.
const NOT_GRPC: &str = "This port speaks gRPC: send POST with content-type application/grpc over HTTP/2.\n";

/// The handler of what is not native gRPC.
#[derive(Clone)]
pub struct Front<G> {
    rest: Rest<G>,
}

impl<G: Handler> Front<G> {
    /// Sends it to `rest`.
    #[must_use]
    pub fn new(rest: Rest<G>) -> Self {
        Self { rest }
    }
}

impl<G: Handler> Handler for Front<G> {
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn call(&self, request: Request<Body>, peer: Peer) -> Self::Future {
        let content_type = request.headers().get(CONTENT_TYPE);
        if content_type.is_some_and(|value| value.as_bytes().starts_with(b"application/grpc")) {
            return Box::pin(ready(Ok(not_grpc())));
        }
        self.rest.call(request, peer)
    }
}

fn not_grpc() -> Response<Body> {
    let mut response = Response::new(Body::new(http_body_util::Full::from(NOT_GRPC)));
    *response.status_mut() = StatusCode::UNSUPPORTED_MEDIA_TYPE;
    let text = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, text);
    response
}
