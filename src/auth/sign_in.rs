//! The proof by password. Unknown user, wrong password, disabled user and over-long password cost one hash each and
//! look alike.

use std::sync::Arc;
use std::time::Instant;

use super::{Authority, CallContext, Error};
use crate::crypto::{HashError, Verification};
use crate::domain::{PlainPassword, StoredPassword, User, UserId, UserState, Username};

impl Authority {
    /// The active user of this name and password. Whoever acts on the proof has to check the user's epoch again in the
    /// statement that decides: the hash took its time, and the password may have been changed meanwhile.
    pub(super) async fn prove_password(
        &self,
        username: &str,
        password: &str,
        context: &CallContext,
    ) -> Result<User, Error> {
        let found = self.find_user(username).await?;
        self.prove(found, password, context).await
    }

    /// The user of this id, if it is active and this is its password: for those who are known already and have to prove it
    /// once more. Counted like any other guess.
    pub(super) async fn prove_own_password(
        &self,
        id: UserId,
        password: &str,
        context: &CallContext,
    ) -> Result<User, Error> {
        let found = self.parts().store.lookup_user_with_password(id).await?;
        self.prove(found, password, context).await
    }

    async fn prove(
        &self,
        found: Option<(User, StoredPassword)>,
        password: &str,
        context: &CallContext,
    ) -> Result<User, Error> {
        let meant = found.as_ref().map(|(user, _)| user.id);
        let active = found.filter(|(user, _)| user.state == UserState::Active);
        let presented = PlainPassword::presented(password).map(Arc::new);
        let proven = match (active, presented) {
            (Some((user, stored)), Some(password)) => {
                self.matches(&user, &stored, password, context.deadline).await?.then_some(user)
            }
            (_, presented) => {
                self.parts().hasher.verify_decoy(presented, context.deadline).await?;
                None
            }
        };
        proven.ok_or_else(|| {
            let parts = self.parts();
            self.failures().count((meant, context.origin.address), parts.clock.now(), &*parts.entropy);
            Error::CredentialsInvalid
        })
    }

    async fn find_user(&self, username: &str) -> Result<Option<(User, StoredPassword)>, Error> {
        let Ok(username) = Username::parse(username) else { return Ok(None) };
        Ok(self.parts().store.find_user_by_name(&username).await?)
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
