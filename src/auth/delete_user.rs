//! Deleting a user: by itself, with its password, or by an admin.

use zeroize::Zeroizing;

use super::{Authority, CallContext, Caller, Error, UserRef};

/// The role that may delete others.
const ADMIN: [&str; 1] = ["admin"];

impl Authority {
    /// Deletes a user. Who deletes itself proves its password once more, an admin too: a stolen token must not do.
    pub async fn delete_user(
        &self,
        caller: &Caller,
        user: UserRef,
        current_password: &Zeroizing<String>,
        context: &CallContext,
    ) -> Result<(), Error> {
        let parts = self.parts();
        let id = caller.may_act_on(user, &ADMIN)?;
        let proven = if id != caller.user_id() {
            None
        } else if current_password.is_empty() {
            return Err(Error::field("current_password", "is missing"));
        } else {
            Some(self.prove_own_password(id, current_password, context).await?.proof())
        };
        let act = self.act(Some(caller), context);
        let deleted = parts.store.delete_user(id, proven, parts.policy.sessions, &act).await;
        deleted.map_err(|error| caller.explain(error.into()))
    }
}
