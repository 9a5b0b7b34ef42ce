//! Permission as a value: who holds a `Caller` has been authenticated, and nobody checks again.

use std::sync::Arc;

use countersign_verify::{Claims, KeyId};

use super::Error;
use crate::domain::{Actor, Epoch, ProvenAt, Roles, SessionId, User, UserAt, UserId};

/// An authenticated caller. Only this module's floor can make one.
#[derive(Clone, Debug)]
pub struct Caller(Arc<Inner>);

#[derive(Debug)]
enum Inner {
    Password { at: UserAt, username: String, roles: Roles },
    Token { claims: Claims, key_id: KeyId },
}

/// How the caller proved who it is.
#[derive(Clone, Copy, Debug)]
pub enum Proof<'a> {
    /// A password, on this very call.
    Password,
    /// An access token.
    Token {
        /// What it says.
        claims: &'a Claims,
        /// The key that signed it.
        key_id: &'a KeyId,
    },
}

impl Caller {
    pub(super) fn by_password(user: &User) -> Self {
        Self(Arc::new(Inner::Password {
            at: UserAt { id: user.id, proven: ProvenAt::Password(user.proof()) },
            username: user.username.shown().to_owned(),
            roles: user.roles.clone(),
        }))
    }

    pub(super) fn by_token(claims: Claims, key_id: KeyId) -> Self {
        Self(Arc::new(Inner::Token { claims, key_id }))
    }

    /// For the tests of other floors, which cannot make a user.
    #[cfg(test)]
    pub(crate) fn with_roles(roles: &[&str]) -> Self {
        let roles = Roles::parse(roles.iter().copied()).unwrap();
        let proven = ProvenAt::Token(Epoch::FIRST);
        let at = UserAt { id: UserId::from_uuid(uuid::Uuid::nil()), proven };
        Self(Arc::new(Inner::Password { at, username: "somebody".to_owned(), roles }))
    }

    /// The user's id.
    #[must_use]
    pub fn user_id(&self) -> UserId {
        self.user_at().id
    }

    /// The user, and of which generation the proof is.
    #[must_use]
    pub fn user_at(&self) -> UserAt {
        match &*self.0 {
            Inner::Password { at, .. } => *at,
            Inner::Token { claims, .. } => {
                let proven = ProvenAt::Token(Epoch::from_number(claims.epoch));
                UserAt { id: UserId::from_uuid(claims.subject), proven }
            }
        }
    }

    /// The user's name, as typed at registration.
    #[must_use]
    pub fn username(&self) -> &str {
        match &*self.0 {
            Inner::Password { username, .. } => username,
            Inner::Token { claims, .. } => &claims.name,
        }
    }

    /// The user's roles.
    #[must_use]
    pub fn roles(&self) -> Vec<&str> {
        match &*self.0 {
            Inner::Password { roles, .. } => roles.iter().collect(),
            Inner::Token { claims, .. } => claims.roles.iter().map(String::as_str).collect(),
        }
    }

    /// Whether the caller has one of these roles; of none, nobody has one.
    #[must_use]
    pub fn has_any_role<R: AsRef<str>>(&self, wanted: &[R]) -> bool {
        self.roles().iter().any(|role| wanted.iter().any(|wanted| wanted.as_ref() == *role))
    }

    /// The session that the caller's token belongs to.
    #[must_use]
    pub fn session_id(&self) -> Option<SessionId> {
        match self.proof() {
            Proof::Password => None,
            Proof::Token { claims, .. } => Some(SessionId::from_uuid(claims.session_id)),
        }
    }

    /// The permission, for the transaction that uses it.
    #[must_use]
    pub fn actor(&self) -> Actor {
        Actor { at: self.user_at(), session: self.session_id() }
    }

    /// A permission that ended while it was being used, in the words of what was presented for it.
    pub(super) fn explain(&self, error: Error) -> Error {
        match (error, self.proof()) {
            (Error::PermissionEnded, Proof::Token { .. }) => Error::TokenRevoked,
            (Error::PermissionEnded, Proof::Password) => Error::CredentialsInvalid,
            (other, _) => other,
        }
    }

    /// How the caller proved who it is.
    #[must_use]
    pub fn proof(&self) -> Proof<'_> {
        match &*self.0 {
            Inner::Password { .. } => Proof::Password,
            Inner::Token { claims, key_id } => Proof::Token { claims, key_id },
        }
    }
}
