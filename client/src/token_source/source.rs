//! The source itself: what callers hold. Owns no decision; asks the background task and waits for what it publishes.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::AbortHandle;
use tokio::time::timeout;
use tonic::Status;

use super::failure::asks_for_another_token;
use super::standing::{Published, Standing};
use super::worker::SignOutReply;
use super::{Token, TokenError, TokenInterceptor, TokenSourceBuilder, clock};
use crate::ServerEndpoint;

/// Always a good access token: signs in, refreshes ahead of expiry, signs in again. Cheap to clone; all clones are one
/// source, with one session and one background task, which ends when the last of them is dropped. The session then lives
/// on at the server until its idle limit; [`sign_out`](Self::sign_out) ends it.
///
/// However many callers there are, at most one refresh is under way, and it belongs to none of them.
#[derive(Clone)]
pub struct TokenSource(Arc<Shared>);

pub(super) struct Shared {
    pub(super) server: ServerEndpoint,
    pub(super) published: watch::Receiver<Published>,
    pub(super) wanted: watch::Sender<u64>,
    pub(super) sign_outs: mpsc::Sender<SignOutReply>,
    pub(super) patience: Duration,
    pub(super) task: AbortHandle,
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl TokenSource {
    /// A source of tokens of this server; it needs a password or a session.
    pub fn builder(server: ServerEndpoint) -> TokenSourceBuilder {
        TokenSourceBuilder::new(server)
    }

    pub(super) fn new(shared: Shared) -> Self {
        Self(Arc::new(shared))
    }

    /// A good token: at once in the common case, otherwise when the attempt that is under way has ended.
    ///
    /// # Errors
    ///
    /// [`TokenError::Refused`] where the server has said no, also to an attempt before this call: a refused password is
    /// presented again after half a minute, and later each time. [`TokenError::Unavailable`] or [`TokenError::Store`]
    /// when the patience is over, 10 s unless the builder was told otherwise. [`TokenError::SignedOut`].
    pub async fn token(&self) -> Result<Token, TokenError> {
        self.later_than(0).await
    }

    /// A good token that is another one than `rejected`, with which a service has refused a call. All who ask with the
    /// same one share one refresh.
    ///
    /// # Errors
    ///
    /// As [`token`](Self::token).
    pub async fn replace(&self, rejected: &Token) -> Result<Token, TokenError> {
        self.later_than(rejected.round()).await
    }

    /// Makes a call with a good token. If the called service refuses that because the token has expired or was revoked,
    /// which a change of the user's roles does too, the token is [replaced](Self::replace), and the call is made once
    /// more. What comes of that is what comes of it.
    ///
    /// ```no_run
    /// # use countersign_client::{ServerEndpoint, TokenSource};
    /// # use tonic::{Request, Response, Status};
    /// # async fn greet(_: Request<()>) -> Result<Response<()>, Status> { Ok(Response::new(())) }
    /// # async fn example(source: TokenSource) -> Result<(), Status> {
    /// let answer = source.call(|token| greet(token.request(()))).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// The called service's, or the status of a [`TokenError`].
    pub async fn call<T, F>(&self, mut call: impl FnMut(Token) -> F) -> Result<T, Status>
    where
        F: Future<Output = Result<T, Status>>,
    {
        let token = self.token().await?;
        match call(token.clone()).await {
            Err(status) if asks_for_another_token(&status) => call(self.replace(&token).await?).await,
            answer => answer,
        }
    }

    /// Puts the token of the moment into every call of a generated client. It cannot wait, nor see answers: beside it,
    /// [`call`](Self::call) around the client's calls is what replaces a revoked token.
    #[must_use]
    pub fn interceptor(&self) -> TokenInterceptor {
        TokenInterceptor::new(self.clone())
    }

    /// Ends the session, at the server and in the store. Every clone has no more tokens from then on.
    ///
    /// # Errors
    ///
    /// The server could not be told: the session goes on, and so does the source. Or [`TokenError::Store`]: the session
    /// is over and the source signed out, but the store still holds what is left of it. [`TokenError::Stopped`].
    pub async fn sign_out(&self) -> Result<(), TokenError> {
        let (reply, outcome) = oneshot::channel();
        self.0.sign_outs.send(reply).await.map_err(|_| TokenError::Stopped)?;
        outcome.await.unwrap_or(Err(TokenError::Stopped))
    }

    /// What failed last, while attempts go on and the token is still good; `None` if the last attempt succeeded. For
    /// health checks and logs.
    #[must_use]
    pub fn trouble(&self) -> Option<TokenError> {
        self.0.published.borrow().trouble.clone()
    }

    /// What there is without waiting, but for who waits: whatever is missing is asked for.
    pub(super) fn current(&self) -> Result<Token, TokenError> {
        let answer = self.0.published.borrow().answer(0, clock::now());
        answer.unwrap_or_else(|| {
            self.ask();
            let waiting = || TokenError::Unavailable(Status::unavailable("no token yet"));
            Err(self.trouble().unwrap_or_else(waiting))
        })
    }

    /// The first good token after the round `rejected`.
    async fn later_than(&self, rejected: u64) -> Result<Token, TokenError> {
        let answer = self.0.published.borrow().answer(rejected, clock::now());
        if let Some(answer) = answer {
            return answer;
        }
        self.ask();
        let mut published = self.0.published.clone();
        let answered = published.wait_for(|published| published.answer(rejected, clock::now()).is_some());
        let Ok(answered) = timeout(self.0.patience, answered).await else {
            let slow = || TokenError::Unavailable(Status::deadline_exceeded("no token in time"));
            return Err(self.trouble().unwrap_or_else(slow));
        };
        let published = answered.map_err(|_| TokenError::Stopped)?;
        // It was there a moment ago; a token of no length at all may have run out since.
        published.answer(rejected, clock::now()).unwrap_or(Err(TokenError::Stopped))
    }

    /// Asks the background task for the round after the one of now. All who ask meanwhile ask for the same.
    fn ask(&self) {
        let next = self.0.published.borrow().round + 1;
        self.0.wanted.send_if_modified(|wanted| {
            let is_later = next > *wanted;
            *wanted = next.max(*wanted);
            is_later
        });
    }
}

impl fmt::Debug for TokenSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let published = self.0.published.borrow();
        let standing: &dyn fmt::Debug = match &published.standing {
            Standing::Empty => &"no token yet",
            Standing::Held(token) => token,
            Standing::Refused { error, .. } => error,
            Standing::SignedOut => &"signed out",
        };
        f.debug_struct("TokenSource").field("server", &self.0.server).field("standing", standing).finish()
    }
}
