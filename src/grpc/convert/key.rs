//! Keys, and what a verified token says.

use std::time::Duration;

use countersign_verify::{KeyId, Verified};

use super::time::{duration, timestamp};
use crate::auth::{Error, PublishedKey, WhichKeys};
use crate::domain::{KeyState, Timestamp};
use crate::pb::auth::v1 as pb;

/// Half of the time for which a key is published before it signs.
const MAX_AGE: Duration = Duration::from_secs(300);

pub(in crate::grpc) fn key_set(keys: &[PublishedKey]) -> pb::GetKeySetResponse {
    pb::GetKeySetResponse { keys: verification_keys(keys), max_age: Some(duration(MAX_AGE)) }
}

pub(in crate::grpc) fn verification_keys(keys: &[PublishedKey]) -> Vec<pb::VerificationKey> {
    keys.iter().map(verification_key).collect()
}

/// Which keys an admin means.
pub(in crate::grpc) fn which_keys(request: &pb::RevokeKeyRequest) -> Result<WhichKeys, Error> {
    match (request.key_id.as_str(), request.all) {
        ("", true) => Ok(WhichKeys::All),
        (_, true) => Err(Error::field("key_id", "must not be given beside all")),
        (id, false) => KeyId::parse(id)
            .map(WhichKeys::One)
            .map_err(|_| Error::field("key_id", "must be the id of a key, k4.pid.…")),
    }
}

pub(in crate::grpc) fn verified(verified: Option<&Verified>) -> pb::VerifyTokenResponse {
    pb::VerifyTokenResponse { active: verified.is_some(), claims: verified.map(claims) }
}

fn verification_key(key: &PublishedKey) -> pb::VerificationKey {
    let state = match key.state {
        KeyState::Next => pb::KeyState::Next,
        KeyState::Active => pb::KeyState::Active,
        KeyState::Retired => pb::KeyState::Retired,
    };
    pb::VerificationKey {
        key: key.key.to_paserk(),
        key_id: key.key.id().to_string(),
        state: state.into(),
        sign_from: Some(timestamp(key.sign_from)),
        sign_until: key.sign_until.map(timestamp),
        verify_until: key.verify_until.map(timestamp),
    }
}

fn claims(verified: &Verified) -> pb::TokenClaims {
    let claims = &verified.claims;
    let time = |seconds: i64| Some(timestamp(Timestamp::from_millis(seconds.saturating_mul(1000))));
    pb::TokenClaims {
        issuer: claims.issuer.clone(),
        audience: claims.audience.clone(),
        user_id: claims.subject.to_string(),
        username: claims.name.clone(),
        roles: claims.roles.clone(),
        session_id: claims.session_id.to_string(),
        token_id: claims.token_id.to_string(),
        epoch: claims.epoch,
        issue_time: time(claims.issued_at),
        not_before_time: time(claims.not_before),
        expire_time: time(claims.expires_at),
        auth_time: time(claims.auth_time),
        amr: claims.amr.clone(),
        key_id: verified.key_id.to_string(),
    }
}
