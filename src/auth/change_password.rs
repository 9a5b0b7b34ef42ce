//! New passwords for old users: for the old one, or for a reset code. Every session ends with the old password.

use zeroize::Zeroizing;

use super::{Authority, CallContext, Caller, Error, Issued};
use crate::crypto::ResetCode;
use crate::domain::UserState;

impl Authority {
    /// Changes the caller's password and opens a fresh session. The transaction reads again who the user and its caller
    /// are: two hashes took their time.
    pub async fn change_password(
        &self,
        caller: &Caller,
        current: &Zeroizing<String>,
        new: &Zeroizing<String>,
        context: &CallContext,
    ) -> Result<Issued, Error> {
        let parts = self.parts();
        if current.is_empty() {
            return Err(Error::field("current_password", "is missing"));
        }
        let passwords = &parts.registrar.passwords;
        let new = passwords.parse("new_password", new, caller.username())?;
        let user = self.prove_own_password(caller.user_id(), current, context).await?;
        let stored = passwords.hash("new_password", new, context.deadline).await?;

        let act = self.act(Some(caller), context);
        let opening = self.prepare_session(&user, parts.policy.lifetimes.default, context, act.now).await?;
        let changed =
            parts.store.change_password((user.id, user.proof()), stored, opening.to_insert(), &act).await;
        let epoch = changed.map_err(|error| caller.explain(error.into()))?;
        Ok(self.issue_first(&opening, &user, epoch, parts.policy.audiences.own()))
    }

    /// Sets a new password for the holder of a reset code. Until the last step, whatever is refused leaves the code good.
    pub async fn reset_password(
        &self,
        code: &str,
        new: &Zeroizing<String>,
        context: &CallContext,
    ) -> Result<(), Error> {
        let parts = self.parts();
        let keys = parts.keys.current();
        let code = ResetCode::parse(code, &keys.server_key).ok_or(Error::CredentialsInvalid)?;
        let (id, hash) = (code.user(), code.hash(&keys.server_key));
        let user = parts.store.lookup_user(id).await?;
        let user = user.filter(|user| user.state == UserState::Active).ok_or(Error::CredentialsInvalid)?;
        if !parts.store.has_reset_code(id, hash, parts.clock.now()).await? {
            return Err(Error::CredentialsInvalid);
        }
        let passwords = &parts.registrar.passwords;
        let new = passwords.parse("new_password", new, user.username.shown())?;
        let stored = passwords.hash("new_password", new, context.deadline).await?;
        let act = self.act(None, context);
        Ok(parts.store.reset_password(id, hash, stored, (parts.policy.sessions, &act)).await?)
    }
}
