//! What the door tells a service about a call, beside its message: who called, and until when the answer is awaited.

use std::time::Instant;

use tonic::Request;

use crate::auth::{Caller, Error, Presented};
use crate::transport::CallDeadline;

/// The caller, where the access rule demands one. The door puts it there before any method runs.
pub(super) fn caller<T>(request: &Request<T>) -> Result<Caller, Error> {
    request.extensions().get::<Caller>().cloned().ok_or(Error::CredentialsMissing)
}

/// What was presented, where the method decides by itself what it needs.
pub(super) fn presented<T>(request: &mut Request<T>) -> Presented {
    request.extensions_mut().remove::<Presented>().unwrap_or_default()
}

/// When the answer is no longer waited for.
pub(super) fn deadline<T>(request: &Request<T>) -> Option<Instant> {
    request.extensions().get::<CallDeadline>().map(|deadline| deadline.0)
}
