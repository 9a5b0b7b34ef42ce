//! What admins do to users.

use std::time::Duration;

use zeroize::Zeroizing;

use super::{Authority, CallContext, Caller, Error};
use crate::crypto::ResetCode;
use crate::domain::{Roles, Timestamp, User, UserId};

/// How long a reset code works.
const RESET_CODE_LIFETIME: Duration = Duration::from_secs(3600);

/// A new reset code.
pub struct IssuedResetCode {
    /// The code.
    pub code: Zeroizing<String>,
    /// When it stops working.
    pub expires: Timestamp,
}

impl Authority {
    /// Disables a user and ends its sessions.
    pub async fn disable_user(
        &self,
        caller: &Caller,
        id: UserId,
        context: &CallContext,
    ) -> Result<User, Error> {
        let parts = self.parts();
        let act = self.act(Some(caller), context);
        let disabled = parts.store.disable_user(id, parts.policy.sessions, &act).await;
        disabled.map_err(|error| caller.explain(error.into()))
    }

    /// Enables a user.
    pub async fn enable_user(
        &self,
        caller: &Caller,
        id: UserId,
        context: &CallContext,
    ) -> Result<User, Error> {
        let act = self.act(Some(caller), context);
        let enabled = self.parts().store.enable_user(id, &act).await;
        enabled.map_err(|error| caller.explain(error.into()))
    }

    /// Gives a user exactly these roles.
    pub async fn set_roles(
        &self,
        caller: &Caller,
        id: UserId,
        roles: Roles,
        context: &CallContext,
    ) -> Result<User, Error> {
        let act = self.act(Some(caller), context);
        let changed = self.parts().store.set_roles(id, roles, &act).await;
        changed.map_err(|error| caller.explain(error.into()))
    }

    /// Makes a code with which its holder sets a user's password.
    pub async fn create_reset_code(
        &self,
        caller: &Caller,
        id: UserId,
        context: &CallContext,
    ) -> Result<IssuedResetCode, Error> {
        let parts = self.parts();
        let act = self.act(Some(caller), context);
        let keys = parts.keys.current();
        let code = ResetCode::generate(id, &*parts.entropy);
        let expires = act.now.plus(RESET_CODE_LIFETIME);
        let kept = parts.store.insert_reset_code(id, code.hash(&keys.server_key), expires, &act).await;
        kept.map_err(|error| caller.explain(error.into()))?;
        Ok(IssuedResetCode { code: code.to_text(&keys.server_key), expires })
    }
}
