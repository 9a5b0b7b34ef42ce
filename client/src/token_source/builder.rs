//! What a source is made of: a server, credentials, wishes.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use zeroize::Zeroizing;

use super::auth_server::{AuthServer, Password};
use super::keeper::Keeper;
use super::progress::Progress;
use super::source::Shared;
use super::standing::Published;
use super::worker::Worker;
use super::{SavedSession, SessionStore, StartError, TokenSource, clock};
use crate::ServerEndpoint;

/// How long a caller waits for a token unless told otherwise.
const PATIENCE: Duration = Duration::from_secs(10);

/// Settings of a [`TokenSource`]. Secrets are wiped when it is dropped, and `Debug` shows none.
#[must_use]
pub struct TokenSourceBuilder {
    server: ServerEndpoint,
    password: Option<Password>,
    session: Option<SavedSession>,
    store: Option<Arc<dyn SessionStore>>,
    audience: String,
    lifetime: Option<Duration>,
    patience: Duration,
}

impl TokenSourceBuilder {
    pub(super) fn new(server: ServerEndpoint) -> Self {
        Self {
            server,
            password: None,
            session: None,
            store: None,
            audience: String::new(),
            lifetime: None,
            patience: PATIENCE,
        }
    }

    /// Signs in with these where there is no session, or it is over.
    pub fn password(self, username: impl Into<String>, password: impl Into<String>) -> Self {
        let password = Zeroizing::new(password.into());
        Self { password: Some(Password { username: username.into(), password }), ..self }
    }

    /// Goes on with a session that was opened elsewhere, if the store has none.
    pub fn session(self, session: SavedSession) -> Self {
        Self { session: Some(session), ..self }
    }

    /// Keeps the session there, and goes on with what it has: a restart opens no other session. What it has of another
    /// user than the password's is not used.
    pub fn store(self, store: impl SessionStore) -> Self {
        Self { store: Some(Arc::new(store)), ..self }
    }

    /// Whom the tokens are for, one of the server's audiences; its own unless this is called.
    pub fn audience(self, audience: impl Into<String>) -> Self {
        Self { audience: audience.into(), ..self }
    }

    /// How long each token shall live; the server shortens what exceeds its longest. Without this it is the server's
    /// default, and a refresh costs one call instead of two.
    pub fn lifetime(self, lifetime: Duration) -> Self {
        Self { lifetime: Some(lifetime), ..self }
    }

    /// How long a caller waits for a token while the server does not answer; 10 s unless this is called.
    pub fn patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Reads the store and starts the background task on the runtime of the caller. No call is waited for:
    /// [`TokenSource::token`] tells whether the server takes the credentials.
    ///
    /// # Errors
    ///
    /// Settings that cannot work, or a store that cannot be read. See [`StartError`].
    ///
    /// # Panics
    ///
    /// Outside a runtime of tokio.
    pub async fn start(self) -> Result<TokenSource, StartError> {
        if self.lifetime.is_some_and(|lifetime| lifetime.is_zero()) {
            return Err(StartError::LifetimeZero);
        }
        let channel = self.server.connect_lazy()?;
        let username = self.password.as_ref().map(|password| password.username.as_str());
        let keeper = Keeper::load(self.store, self.session, username).await.map_err(StartError::Store)?;
        if self.password.is_none() && keeper.session().is_none() {
            return Err(StartError::CredentialsMissing);
        }
        let (published_tx, published) = watch::channel(Published::new());
        let (wanted, wanted_rx) = watch::channel(0);
        let (sign_outs, sign_outs_rx) = mpsc::channel(1);
        let worker = Worker {
            server: AuthServer { channel, audience: self.audience, lifetime: self.lifetime },
            password: self.password,
            keeper,
            published: published_tx,
            wanted: wanted_rx,
            sign_outs: sign_outs_rx,
            progress: Progress::new(clock::now()),
        };
        let task = tokio::spawn(worker.run()).abort_handle();
        let (server, patience) = (self.server, self.patience);
        Ok(TokenSource::new(Shared { server, published, wanted, sign_outs, patience, task }))
    }
}

impl fmt::Debug for TokenSourceBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenSourceBuilder")
            .field("server", &self.server)
            .field("password", &self.password)
            .field("session", &self.session)
            .field("audience", &self.audience)
            .field("lifetime", &self.lifetime)
            .field("patience", &self.patience)
            .finish_non_exhaustive()
    }
}
