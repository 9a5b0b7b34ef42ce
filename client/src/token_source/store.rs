//! Where a session outlives the process.

use std::io;

use super::SavedSession;

/// A place that keeps one session, for one source at a time: two that carry the same session on look like theft to the
/// server, which ends it. The calls may block; they run where blocking is fine, one after the other.
pub trait SessionStore: Send + Sync + 'static {
    /// What was saved last; `None` if nothing was, or it was removed.
    ///
    /// # Errors
    ///
    /// It cannot be read, or is not what was saved. The source does not start then.
    fn load(&self) -> io::Result<Option<SavedSession>>;

    /// Keeps this one in place of the one before, durably and as a whole: whatever happens meanwhile, `load` gives
    /// either. It is called when a refresh token was received, and nothing is spent before it has succeeded.
    ///
    /// # Errors
    ///
    /// It may not have been kept.
    fn save(&self, session: &SavedSession) -> io::Result<()>;

    /// Forgets it: the session is over.
    ///
    /// # Errors
    ///
    /// It may still be there. That does no harm but for one refused call at the next start.
    fn remove(&self) -> io::Result<()>;
}
