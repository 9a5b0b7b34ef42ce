//! Users, who is meant, and who calls.

use zeroize::Zeroizing;

use super::time::timestamp;
use crate::auth::{Caller, Error, Proof, UserRef};
use crate::domain::{Roles, User, UserId, UserState};
use crate::pb::auth::v1 as pb;
use crate::transport::ClientCertificate;

pub(in crate::grpc) fn new_user(request: pb::CreateUserRequest) -> (String, Zeroizing<String>) {
    (request.username, Zeroizing::new(request.password))
}

/// A user's id, or the caller.
pub(in crate::grpc) fn user_ref(text: &str) -> Result<UserRef, Error> {
    match text {
        "me" => Ok(UserRef::Me),
        id => UserId::parse(id)
            .map(UserRef::Id)
            .map_err(|_| Error::field("user_id", "must be \"me\" or a UUID in lower case")),
    }
}

/// The same where nobody named is the caller.
pub(in crate::grpc) fn user_or_caller(text: &str) -> Result<UserRef, Error> {
    if text.is_empty() { Ok(UserRef::Me) } else { user_ref(text) }
}

/// A user's id, where nobody is meant by a word.
pub(in crate::grpc) fn user_id(text: &str) -> Result<UserId, Error> {
    UserId::parse(text).map_err(|_| Error::field("user_id", "must be a UUID in lower case"))
}

/// The same where nobody in particular may be meant.
pub(in crate::grpc) fn optional_user_id(text: &str) -> Result<Option<UserId>, Error> {
    if text.is_empty() { Ok(None) } else { user_id(text).map(Some) }
}

pub(in crate::grpc) fn roles(texts: &[String]) -> Result<Roles, Error> {
    Roles::parse(texts.iter().map(String::as_str))
        .map_err(|error| Error::field("roles", format!("cannot be given: {error}")))
}

pub(in crate::grpc) fn user(user: &User) -> pb::User {
    pb::User {
        user_id: user.id.to_string(),
        username: user.username.shown().to_owned(),
        roles: user.roles.iter().map(str::to_owned).collect(),
        create_time: Some(timestamp(user.created)),
        disabled: user.state == UserState::Disabled,
    }
}

pub(in crate::grpc) fn caller(caller: &Caller, certificate: Option<&ClientCertificate>) -> pb::Caller {
    let known = pb::Caller {
        user_id: caller.user_id().to_string(),
        username: caller.username().to_owned(),
        roles: caller.roles().into_iter().map(str::to_owned).collect(),
        method: pb::AuthenticationMethod::Password.into(),
        client_certificate: certificate.map(client_certificate),
        ..pb::Caller::default()
    };
    match caller.proof() {
        Proof::Password => known,
        Proof::Token { claims, key_id } => pb::Caller {
            session_id: claims.session_id.to_string(),
            method: pb::AuthenticationMethod::Token.into(),
            key_id: key_id.to_string(),
            token_id: claims.token_id.to_string(),
            audience: claims.audience.clone(),
            expire_time: Some(prost_types::Timestamp { seconds: claims.expires_at, nanos: 0 }),
            ..known
        },
    }
}

fn client_certificate(certificate: &ClientCertificate) -> pb::ClientCertificate {
    let ClientCertificate { subject, dns_names, uris } = certificate.clone();
    pb::ClientCertificate { subject, dns_names, uris }
}
