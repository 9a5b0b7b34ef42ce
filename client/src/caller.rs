//! Permission as a value: who holds a `Caller` has been authenticated by a verifier, and nobody checks again.

use std::sync::Arc;

use countersign_verify::{Claims, KeyId, Verified};
use uuid::Uuid;

/// An authenticated caller; cheap to clone. Only a verifier makes one.
#[derive(Clone, Debug)]
pub struct Caller(Arc<Verified>);

impl Caller {
    pub(crate) fn new(verified: Verified) -> Self {
        Self(Arc::new(verified))
    }

    /// The user's id.
    #[must_use]
    pub fn user_id(&self) -> Uuid {
        self.claims().subject
    }

    /// The user's name, as typed at registration. It can be another user's later; the id cannot.
    #[must_use]
    pub fn username(&self) -> &str {
        &self.claims().name
    }

    /// The user's roles, as of the token's issue. When they change, the token is revoked.
    #[must_use]
    pub fn roles(&self) -> &[String] {
        &self.claims().roles
    }

    /// Whether the caller has one of these roles; of none, nobody has one.
    #[must_use]
    pub fn has_any_role<R: AsRef<str>>(&self, wanted: &[R]) -> bool {
        self.roles().iter().any(|role| wanted.iter().any(|wanted| wanted.as_ref() == role))
    }

    /// The session that the token belongs to.
    #[must_use]
    pub fn session_id(&self) -> Uuid {
        self.claims().session_id
    }

    /// Everything that the token says.
    #[must_use]
    pub fn claims(&self) -> &Claims {
        &self.0.claims
    }

    /// The key that signed the token.
    #[must_use]
    pub fn key_id(&self) -> &KeyId {
        &self.0.key_id
    }
}
