//! Where a request goes that is not native gRPC.

use std::convert::Infallible;
use std::future::{Ready, ready};

use http::header::CONTENT_TYPE;
use http::{HeaderValue, Request, Response, StatusCode};
use tonic::body::Body;

use crate::transport::{Handler, Peer};

/// What a person sees who came with a browser.
const NOT_GRPC: &str = "This port speaks gRPC: send POST with content-type application/grpc over HTTP/2.\n";

/// The handler of what is not native gRPC.
#[derive(Clone, Default)]
pub struct Front;

impl Handler for Front {
    type Future = Ready<Result<Response<Body>, Infallible>>;

    fn call(&self, _: Request<Body>, _: Peer) -> Self::Future {
        let mut response = Response::new(Body::new(http_body_util::Full::from(NOT_GRPC)));
        *response.status_mut() = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        let text = HeaderValue::from_static("text/plain; charset=utf-8");
        response.headers_mut().insert(CONTENT_TYPE, text);
        ready(Ok(response))
    }
}
