//! What the door tells a service about a call, beside its message: who called, and until when the answer is awaited.

use std::time::Instant;

use tonic::Request;

use crate::auth::{Caller, Error, Presented};

/// One value in the request's extensions: each costs an allocation.
#[derive(Clone)]
pub(super) struct Call {
    /// When the answer is no longer waited for.
    pub(super) deadline: Instant,
    /// Who calls.
    pub(super) who: Who,
}

/// Who calls, as far as the access rule has the door find out.
#[derive(Clone)]
pub(super) enum Who {
    /// Nobody was asked.
    Anybody,
    /// The method decides by itself what it needs.
    Presented(Presented),
    /// The caller, proven and allowed.
    Proven(Caller),
}

/// The caller, where the access rule demands one. The door puts it there before any method runs.
pub(super) fn caller<T>(request: &Request<T>) -> Result<Caller, Error> {
    match request.extensions().get::<Call>() {
        Some(Call { who: Who::Proven(caller), .. }) => Ok(caller.clone()),
        _ => Err(Error::CredentialsMissing),
    }
}

/// What was presented, where the method decides by itself what it needs.
pub(super) fn presented<T>(request: &Request<T>) -> Presented {
    match request.extensions().get::<Call>() {
        Some(Call { who: Who::Presented(presented), .. }) => presented.clone(),
        _ => Presented::Nothing,
    }
}

/// When the answer is no longer waited for.
pub(super) fn deadline<T>(request: &Request<T>) -> Option<Instant> {
    request.extensions().get::<Call>().map(|call| call.deadline)
}
