//! Why the body of a gRPC-Web call ended early. tonic-web's translation makes INTERNAL of every error of the body that it
//! reads, and what the connection has said, too much or too slow, would be taken for a message that cannot be read.

use std::sync::{Arc, OnceLock};

use http::Request;
use http_body_util::BodyExt;
use tonic::Status;
use tonic::body::Body;

/// Where the connection's word is left, one a call.
#[derive(Clone, Default)]
pub(super) struct BodyFault(Arc<OnceLock<Status>>);

impl BodyFault {
    /// In front of the translation: takes note.
    pub(super) fn noted(&self, request: Request<Body>) -> Request<Body> {
        let Self(said) = self.clone();
        request.map(|body| Body::new(body.map_err(move |status| said.get_or_init(|| status).clone())))
    }

    /// Behind it: says what was noted in the place of what the translation has made of it.
    pub(super) fn told(&self, request: Request<Body>) -> Request<Body> {
        let Self(said) = self.clone();
        request.map(|body| Body::new(body.map_err(move |status| said.get().cloned().unwrap_or(status))))
    }
}
