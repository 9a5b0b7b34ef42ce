//! What the door tells a service about a call, beside its message: who called, from where, and until when the answer is
//! awaited.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use http::HeaderValue;
use tonic::Request;

use super::request_id;
use crate::auth::{CallContext, Caller, Error, Opens, Presented};
use crate::domain::{Origin, UserAgent};
use crate::transport::ClientCertificate;

/// In the extensions of an IssueToken: a password is to open a session that ends with its token. Only what runs in this
/// process can put it there; nothing that a client sends becomes one.
#[derive(Clone, Copy, Debug)]
pub struct SessionEndsWithToken;

/// One value in the request's extensions: each costs an allocation.
#[derive(Clone)]
pub(super) struct Call {
    /// How it came.
    pub(super) arrival: Arrival,
    /// Who calls.
    pub(super) who: Who,
}

/// How a call came, whoever calls.
#[derive(Clone)]
pub(super) struct Arrival {
    /// When the answer is no longer waited for.
    pub(super) deadline: Instant,
    /// From where it came.
    pub(super) address: IpAddr,
    /// With which certificate its connection was made.
    pub(super) certificate: Option<Arc<ClientCertificate>>,
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

/// The certificate with which the connection was made.
pub(super) fn certificate<T>(request: &Request<T>) -> Option<Arc<ClientCertificate>> {
    request.extensions().get::<Call>()?.arrival.certificate.clone()
}

/// What was presented, where the method decides by itself what it needs.
pub(super) fn presented<T>(request: &Request<T>) -> Presented {
    match request.extensions().get::<Call>() {
        Some(Call { who: Who::Presented(presented), .. }) => presented.clone(),
        _ => Presented::Nothing,
    }
}

/// What kind of session a password opens on this call.
pub(super) fn opens<T>(request: &Request<T>) -> Opens {
    match request.extensions().get::<SessionEndsWithToken>() {
        Some(SessionEndsWithToken) => Opens::EndsWithToken,
        None => Opens::Renewable,
    }
}

/// What the call of a stream is named.
pub(super) fn request_id<T>(request: &Request<T>) -> HeaderValue {
    let id = request.metadata().get(request_id::HEADER.as_str());
    id.and_then(|id| HeaderValue::from_bytes(id.as_bytes()).ok()).unwrap_or(HeaderValue::from_static("-"))
}

/// What a use case has to know about the call.
pub(super) fn context<T>(request: &Request<T>) -> CallContext {
    let call = request.extensions().get::<Call>();
    let user_agent = request.metadata().get("user-agent").and_then(|agent| agent.to_str().ok());
    CallContext {
        deadline: call.map(|call| call.arrival.deadline),
        origin: Origin {
            address: call.map(|call| call.arrival.address),
            user_agent: UserAgent::cleaned(user_agent.unwrap_or_default()),
        },
    }
}
