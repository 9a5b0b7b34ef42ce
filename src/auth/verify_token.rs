//! Telling others whether a token is good: for services that cannot, or would rather not, find out by themselves.

use countersign_verify::{Verified, Verifier};

use super::{Authority, Caller, Error};

/// The role that may ask about anybody's tokens.
const VERIFIER: [&str; 1] = ["verifier"];

impl Authority {
    /// What a token says, if it is good now for this audience. Who may not ask about others' tokens learns nothing about
    /// them, not even whether they are tokens.
    pub fn verify_token(
        &self,
        caller: &Caller,
        token: &str,
        audience: &str,
    ) -> Result<Option<Verified>, Error> {
        let parts = self.parts();
        if !self.knows_what_is_revoked() {
            return Err(Error::TrustStale);
        }
        if token.is_empty() {
            return Err(Error::field("token", "is missing"));
        }
        let Some(audience) = parts.policy.audiences.pick(audience) else {
            return Err(Error::field("audience", "is not one of the configured audiences"));
        };
        let keys = parts.keys.current();
        if !caller.has_any_role(&VERIFIER) {
            let own = |verified: Verified| verified.claims.subject == caller.user_id().as_uuid();
            if !parts.verifier.recognize(keys.ring.keys(), token).is_ok_and(own) {
                return Err(Error::RoleRequired);
            }
        }
        let verifier = Verifier::new(parts.policy.issuer.as_str(), audience)
            .map_err(|error| Error::Internal(Box::new(error)))?;
        let verified = verifier.verify(keys.ring.keys(), token, parts.clock.now().as_millis());
        let revoked =
            |verified: &Verified| parts.store.trust().has_revoked(&verified.claims, &verified.key_id);
        Ok(verified.ok().filter(|verified| !revoked(verified)))
    }
}
