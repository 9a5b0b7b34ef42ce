//! Showing a user's live sessions.

use super::{Authority, Caller, Error, UserRef};
use crate::domain::{Session, Timestamp};

/// The role that may see anybody's sessions.
const ADMIN: [&str; 1] = ["admin"];
/// The most that are shown: only users without a limit have more.
const MOST_SHOWN: u64 = 1000;

/// A live session as it is shown.
pub struct ShownSession {
    /// The session.
    pub session: Session,
    /// When it ends if it is not used again.
    pub expires: Timestamp,
    /// Whether the caller's token belongs to it.
    pub current: bool,
}

impl Authority {
    /// The live sessions of a user, the last used first.
    pub async fn list_sessions(&self, caller: &Caller, user: UserRef) -> Result<Vec<ShownSession>, Error> {
        let parts = self.parts();
        let id = caller.may_act_on(user, &ADMIN)?;
        if id != caller.user_id() && parts.store.lookup_user(id).await?.is_none() {
            return Err(Error::UserNotFound);
        }
        let limits = parts.policy.sessions;
        let sessions = parts.store.list_sessions(id, parts.clock.now(), &limits, MOST_SHOWN).await?;
        let current = caller.session_id();
        let shown = sessions.into_iter().map(|session| ShownSession {
            expires: session.expires_at(&limits),
            current: current == Some(session.id),
            session,
        });
        Ok(shown.collect())
    }
}
