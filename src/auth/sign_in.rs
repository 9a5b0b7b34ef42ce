//! The proof by password. Unknown user, wrong password, disabled user and over-long password cost one hash each and
//! look alike.

use std::sync::Arc;
use std::time::Instant;

use super::{Authority, Error};
use crate::crypto::{HashError, Verification};
use crate::domain::{PlainPassword, StoredPassword, User, UserState, Username};

impl Authority {
    /// The active user of this name and password. Whoever acts on the proof has to check the user's epoch again in the
    /// statement that decides: the hash took its time, and the password may have been changed meanwhile.
    pub(super) async fn prove_password(
        &self,
        username: &str,
        password: &str,
        deadline: Option<Instant>,
    ) -> Result<User, Error> {
        let hasher = &self.parts().hasher;
        let presented = PlainPassword::presented(password).map(Arc::new);
        match (self.find_active_user(username).await?, presented) {
            (Some((user, stored)), Some(password)) => {
                match self.matches(&user, &stored, password, deadline).await? {
                    true => Ok(user),
                    false => Err(Error::CredentialsInvalid),
                }
            }
            (_, presented) => {
                hasher.verify_decoy(presented, deadline).await?;
                Err(Error::CredentialsInvalid)
            }
        }
    }

    async fn find_active_user(&self, username: &str) -> Result<Option<(User, StoredPassword)>, Error> {
        let Ok(username) = Username::parse(username) else { return Ok(None) };
        let found = self.parts().store.find_user_by_name(&username).await?;
        Ok(found.filter(|(user, _)| user.state == UserState::Active))
    }

    async fn matches(
        &self,
        user: &User,
        stored: &StoredPassword,
        password: Arc<PlainPassword>,
        deadline: Option<Instant>,
    ) -> Result<bool, Error> {
        match self.parts().hasher.verify(Arc::clone(&password), stored.clone(), deadline).await {
            Ok(Verification::Match { outdated }) => {
                if outdated {
                    self.upgrade_password(user, stored, password, deadline).await;
                }
                Ok(true)
            }
            Ok(Verification::Mismatch) => Ok(false),
            Err(HashError::Unusable) => {
                tracing::error!(user_id = %user.id, "the stored password cannot be used: its costs or its form are out of bounds");
                Ok(false)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Replaces a row of weaker costs, once its password is at hand. It must not fail the sign-in: a busy pool or
    /// database leaves the row for the next time.
    async fn upgrade_password(
        &self,
        user: &User,
        old: &StoredPassword,
        password: Arc<PlainPassword>,
        deadline: Option<Instant>,
    ) {
        let parts = self.parts();
        let outcome = match parts.hasher.rehash(password, deadline).await {
            Ok(new) => parts.store.record_upgraded_password(user.id, old, &new).await.map_err(Error::from),
            Err(error) => Err(error.into()),
        };
        let user_id = user.id;
        match outcome {
            Ok(written) => {
                tracing::debug!(%user_id, written, "a stored password was hashed at today's price");
            }
            Err(error) => {
                tracing::debug!(%user_id, %error, "a stored password keeps its old price for now");
            }
        }
    }
}
