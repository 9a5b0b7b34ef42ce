//! The session that is carried on, in memory and in the store. Owns the rule that a refresh token is saved, with its retry
//! key, before it may be spent: a process that starts from what is saved then spends either the same token, with the same
//! key, or the one before it, whose answer it gets once more.

use std::io;
use std::sync::Arc;

use tokio::task;

use super::{SavedSession, SessionStore, TokenError};

/// A session and its store.
pub(super) struct Keeper {
    store: Option<Arc<dyn SessionStore>>,
    session: Option<Arc<SavedSession>>,
    /// Whether the session is newer than what the store has.
    unsaved: bool,
}

impl Keeper {
    /// With what the store has, or else `given`. What it has of another user than `username` counts for nothing.
    pub(super) async fn load(
        store: Option<Arc<dyn SessionStore>>,
        given: Option<SavedSession>,
        username: Option<&str>,
    ) -> io::Result<Self> {
        let loaded = match &store {
            Some(store) => blocking(store, |store| store.load()).await?,
            None => None,
        };
        let is_ours =
            |session: &SavedSession| !username.is_some_and(|username| session.is_of_another(username));
        let loaded = loaded.filter(is_ours);
        let unsaved = loaded.is_none() && given.is_some() && store.is_some();
        Ok(Self { store, session: loaded.or(given).map(Arc::new), unsaved })
    }

    /// What may be spent now, after it has been saved if it was not.
    pub(super) async fn spendable(&mut self) -> Result<Option<Arc<SavedSession>>, TokenError> {
        self.save().await?;
        Ok(self.session.clone())
    }

    /// Takes what was received in place of the session before. It is kept, and not spent, even if this fails.
    pub(super) async fn receive(&mut self, session: SavedSession) -> Result<(), TokenError> {
        self.session = Some(Arc::new(session));
        self.unsaved = self.store.is_some();
        self.save().await
    }

    /// The session is over; the store still has it until another is received or it is [removed](Self::remove).
    pub(super) fn drop_session(&mut self) {
        self.session = None;
        self.unsaved = false;
    }

    /// Removes what the store has.
    pub(super) async fn remove(&mut self) -> Result<(), TokenError> {
        match &self.store {
            Some(store) => blocking(store, |store| store.remove()).await.map_err(store_error),
            None => Ok(()),
        }
    }

    /// The session, saved or not.
    pub(super) fn session(&self) -> Option<Arc<SavedSession>> {
        self.session.clone()
    }

    async fn save(&mut self) -> Result<(), TokenError> {
        if let (true, Some(store), Some(session)) = (self.unsaved, &self.store, self.session.clone()) {
            blocking(store, move |store| store.save(&session)).await.map_err(store_error)?;
            self.unsaved = false;
        }
        Ok(())
    }
}

fn store_error(error: io::Error) -> TokenError {
    TokenError::Store(Arc::new(error))
}

/// Runs a call of the store where blocking is fine. Once begun it runs to its end, even if nobody waits any more.
async fn blocking<T: Send + 'static>(
    store: &Arc<dyn SessionStore>,
    call: impl FnOnce(&dyn SessionStore) -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    let store = Arc::clone(store);
    task::spawn_blocking(move || call(&*store)).await.unwrap_or_else(|error| Err(io::Error::other(error)))
}
