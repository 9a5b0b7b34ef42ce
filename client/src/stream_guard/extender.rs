//! With which other tokens a stream may go on.
//!
//! With one of another session of the same user it may. Whoever holds that token could open the same stream with it at
//! once; to refuse it would protect nothing, and would cut off whoever signed in anew because the old session's time was
//! over. From then on the new session is the one whose end ends the stream.
//!
//! Roles are another matter: what the method decided when the stream was opened, it decided by the roles of that moment,
//! and it is not asked again. So a token that lacks one of them carries no stream on; its holder opens another.

use std::sync::Arc;

use tokio::sync::watch;

use crate::{Caller, Refusal, Verifier};

/// Carries a guarded stream on with a fresh token; a cheap clone, for whoever reads what the client sends.
#[derive(Clone, Debug)]
pub struct StreamExtender {
    verifier: Verifier,
    opened_by: Caller,
    current: Arc<watch::Sender<Caller>>,
}

impl StreamExtender {
    /// For a stream that `caller` opens; and where those who carry it on are told.
    pub(super) fn new(verifier: Verifier, caller: Caller) -> (Self, watch::Receiver<Caller>) {
        let (current, callers) = watch::channel(caller.clone());
        (Self { verifier, opened_by: caller, current: Arc::new(current) }, callers)
    }

    /// From now on the stream lasts as long as this token is good, even if the one before would last longer. Nothing
    /// brings a stream back that has ended.
    ///
    /// # Errors
    ///
    /// What the verifier says about the token; [`Refusal::OtherUser`]; [`Refusal::RoleRequired`] if it lacks a role with
    /// which the stream was opened. The stream goes on with the token that it had.
    pub async fn extend(&self, token: &str) -> Result<Caller, Refusal> {
        let caller = self.verifier.verify_or_ask(token).await?;
        if caller.user_id() != self.opened_by.user_id() {
            return Err(Refusal::OtherUser);
        }
        if !self.opened_by.roles().iter().all(|role| caller.roles().contains(role)) {
            return Err(Refusal::RoleRequired);
        }
        self.current.send_replace(caller.clone());
        Ok(caller)
    }
}
