//! New passwords: the rules for them, and their hashing. What is refused is refused under the name of the field that it was
//! given in.

use std::time::Instant;

use super::Error;
use crate::crypto::{NewPasswordError, PasswordHasher};
use crate::domain::{PasswordPolicy, PasswordRule, PlainPassword, StoredPassword};

/// Takes new passwords.
#[derive(Clone)]
pub struct NewPasswords {
    /// Hashes them.
    pub hasher: PasswordHasher,
    /// What is asked of them.
    pub policy: PasswordPolicy,
}

impl NewPasswords {
    /// Reads a new password of the user called `username`, as far as that costs nothing.
    pub(super) fn parse(
        &self,
        field: &'static str,
        text: &str,
        username: &str,
    ) -> Result<PlainPassword, Error> {
        PlainPassword::parse_new(text, username, &self.policy).map_err(|rule| broken(field, rule))
    }

    /// Hashes it, unless it is a common one.
    pub(super) async fn hash(
        &self,
        field: &'static str,
        password: PlainPassword,
        deadline: Option<Instant>,
    ) -> Result<StoredPassword, Error> {
        self.hasher.hash_new(password, deadline).await.map_err(|error| match error {
            NewPasswordError::Common => broken(field, PasswordRule::Common),
            NewPasswordError::Hash(error) => error.into(),
        })
    }
}

fn broken(field: &'static str, rule: PasswordRule) -> Error {
    Error::field(field, rule.to_string())
}
