//! What answers a request. The listener drives one, dispatch chooses between several; neither knows what they do.

use std::convert::Infallible;
use std::future::Future;

use http::{Request, Response};
use tonic::body::Body;

use super::Peer;

/// Answers requests; a cheap handle, one clone a connection.
pub trait Handler: Clone + Send + Sync + 'static {
    /// The answer in the making. Errors are answers too.
    type Future: Future<Output = Result<Response<Body>, Infallible>> + Send + 'static;

    /// Answers one request of `peer`.
    fn call(&self, request: Request<Body>, peer: Peer) -> Self::Future;
}
