//! From what was presented to a [`Caller`].

use countersign_verify::{Defect, KeyId, TokenError};

use super::caller::Proof;
use super::{Authority, CallContext, Caller, Error, Presented};
use crate::domain::UserState;

impl Authority {
    /// Whom a token speaks for. Awaits nothing: a token seen before costs a look-up, another one a signature check. Whether
    /// it has expired or was revoked is asked each time.
    pub fn authenticate_token(&self, token: &str) -> Result<Caller, Error> {
        let parts = self.parts();
        let now = parts.clock.now().as_millis();
        if let Some(caller) = self.tokens().find(token) {
            self.check_still_good(&caller, now)?;
            return Ok(caller);
        }
        let verified = parts
            .verifier
            .verify(parts.keys.current().ring.keys(), token, now)
            .map_err(|error| self.refuse(token, error))?;
        let caller = Caller::by_token(verified.claims, verified.key_id);
        self.check_still_good(&caller, now)?;
        self.tokens().remember(token, caller.clone());
        Ok(caller)
    }

    /// Whom a name and a password speak for: one hash, whatever is wrong with them.
    pub async fn authenticate_password(
        &self,
        username: &str,
        password: &str,
        context: &CallContext,
    ) -> Result<Caller, Error> {
        let user = self.prove_password(username, password, context).await?;
        // The hash took its time: who was disabled or got another password meanwhile has proven nothing.
        let now = self.parts().store.lookup_user(user.id).await?;
        match now.filter(|now| now.proof() == user.proof() && now.state == UserState::Active) {
            Some(user) => Ok(Caller::by_password(&user)),
            None => Err(Error::CredentialsInvalid),
        }
    }

    /// Whom `presented` speaks for, whatever it is.
    pub async fn authenticate(&self, presented: &Presented, context: &CallContext) -> Result<Caller, Error> {
        match presented {
            Presented::Nothing => Err(Error::CredentialsMissing),
            Presented::Unreadable => Err(Error::CredentialsInvalid),
            Presented::Token(token) => self.authenticate_token(token),
            Presented::Password { username, password } => {
                self.authenticate_password(username, password, context).await
            }
        }
    }

    /// Why a token is not good. Its key may have been revoked, and is no key here any more: its holder may refresh, and does so
    /// when it hears that. Who only writes the name of such a key into a token learns nothing by it.
    fn refuse(&self, token: &str, error: TokenError) -> Error {
        let trust = self.parts().store.trust();
        match error {
            TokenError::Expired => Error::TokenExpired,
            TokenError::Invalid(Defect::UnknownKey)
                if KeyId::named_by(token).is_some_and(|key_id| trust.has_revoked_key(&key_id)) =>
            {
                Error::TokenRevoked
            }
            TokenError::Invalid(defect) => Error::TokenInvalid(defect),
        }
    }

    /// What can change about a token that was good.
    fn check_still_good(&self, caller: &Caller, now_millis: i64) -> Result<(), Error> {
        match caller.proof() {
            Proof::Token { claims, .. } if claims.is_expired(now_millis) => Err(Error::TokenExpired),
            Proof::Token { claims, key_id } if self.parts().store.trust().has_revoked(claims, key_id) => {
                Err(Error::TokenRevoked)
            }
            // It may have been revoked where nobody could say so here.
            Proof::Token { .. } if !self.knows_what_is_revoked() => Err(Error::TrustStale),
            Proof::Token { .. } => Ok(()),
            Proof::Password => Err(Error::CredentialsInvalid),
        }
    }
}
