//! The background task of a source: the only one that spends refresh tokens, so that there is never more than one attempt
//! at a time, and no caller who leaves can take an answer along. It can be dropped at any moment: what it was about to
//! receive can be had again with what is saved.

use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep_until};

use super::auth_server::{AuthServer, Grant, Password};
use super::failure::Failure;
use super::keeper::Keeper;
use super::progress::Progress;
use super::standing::{Published, Standing};
use super::{SavedSession, Token, TokenError, clock, schedule};

/// Where a sign-out is answered.
pub(super) type SignOutReply = oneshot::Sender<Result<(), TokenError>>;

pub(super) struct Worker {
    pub(super) server: AuthServer,
    pub(super) password: Option<Password>,
    pub(super) keeper: Keeper,
    pub(super) published: watch::Sender<Published>,
    /// The round that somebody wants.
    pub(super) wanted: watch::Receiver<u64>,
    pub(super) sign_outs: mpsc::Receiver<SignOutReply>,
    pub(super) progress: Progress,
}

impl Worker {
    /// Runs until it is dropped.
    pub(super) async fn run(mut self) {
        loop {
            let due = self.progress.due(self.is_wanted());
            tokio::select! {
                () = wait_until(due) => self.renew().await,
                Ok(()) = self.wanted.changed() => {}
                Some(reply) = self.sign_outs.recv() => {
                    let outcome = self.sign_out().await;
                    // Nobody may be waiting for it any more; the session is over all the same.
                    let _ = reply.send(outcome);
                }
            }
        }
    }

    fn is_wanted(&self) -> bool {
        *self.wanted.borrow() > self.published.borrow().round
    }

    async fn renew(&mut self) {
        self.progress.begin(self.is_wanted(), clock::now());
        match self.attempt().await {
            Ok(grant) => self.hold(grant),
            Err(failure) => self.settle(failure),
        }
    }

    /// Carries the session on, or opens one.
    async fn attempt(&mut self) -> Result<Grant, Failure> {
        let session = self.keeper.spendable().await.map_err(Failure::local)?;
        let over = match session {
            None => None,
            Some(session) => match self.server.refresh(&session).await.map_err(Failure::of) {
                Ok(grant) => return self.received(grant, session.username().map(str::to_owned)).await,
                Err(Failure::SessionOver(error)) => Some(error),
                Err(failure) => return Err(failure),
            },
        };
        if let Some(error) = over {
            self.end_session(error).await?;
        }
        self.open_session().await
    }

    /// The session is over, and its tokens are no good any more. That is a failure unless another one can be opened.
    async fn end_session(&mut self, error: TokenError) -> Result<(), Failure> {
        self.keeper.drop_session();
        self.published.send_modify(|published| published.standing = Standing::Empty);
        if self.password.is_some() {
            return Ok(());
        }
        // What stays in the store costs a refused call at the next start, no more.
        let _ = self.keeper.remove().await;
        Err(Failure::SessionOver(error))
    }

    async fn open_session(&mut self) -> Result<Grant, Failure> {
        // A source starts with a password or a session; one that has lost its session makes no attempts.
        let Some(password) = &self.password else { return Err(Failure::SessionOver(TokenError::SignedOut)) };
        let grant = self.server.sign_in(password).await.map_err(Failure::of)?;
        let username = password.username.clone();
        let session = SavedSession::received(grant.refresh_token.clone(), Some(username));
        self.keep(session).await;
        Ok(grant)
    }

    /// Keeps the refresh token before anything else is done; only then may the rest fail.
    async fn received(&mut self, grant: Grant, username: Option<String>) -> Result<Grant, Failure> {
        let session = SavedSession::received(grant.refresh_token.clone(), username);
        self.keep(session).await;
        self.server.exchange(grant).await.map_err(|status| match Failure::of(status) {
            // Ended between the two calls: the next attempt, with the refresh token, finds that out.
            Failure::SessionOver(error) => Failure::local(error),
            failure => failure,
        })
    }

    async fn keep(&mut self, session: SavedSession) {
        let trouble = self.keeper.receive(session).await.err();
        self.published.send_modify(|published| published.trouble = trouble);
    }

    fn hold(&mut self, grant: Grant) {
        let round = self.published.borrow().round + 1;
        let usable = schedule::usable(grant.lifetime);
        let Some(token) = Token::new(grant.token, grant.asked_at + usable, round) else {
            let status = tonic::Status::internal("the server's token cannot be sent");
            return self.settle(Failure::local(TokenError::Unavailable(status)));
        };
        self.progress.succeed(grant.asked_at, usable, clock::jitter());
        self.published.send_modify(|published| {
            published.round = round;
            published.standing = Standing::Held(token);
        });
    }

    /// Decides what follows from a failure.
    fn settle(&mut self, failure: Failure) {
        let now = clock::now();
        let has_token = self.published.borrow().has_good_token(now);
        let (error, asked) = match failure {
            Failure::SessionOver(error) => {
                self.progress.end();
                return self.refuse(error, None);
            }
            Failure::Refused(error) if !has_token => {
                let rests_until = self.progress.refuse(now);
                return self.refuse(error, Some(rests_until));
            }
            // The session goes on, so its token is handed out while it is good.
            Failure::Refused(error) => (error, None),
            Failure::Transient { error, asked } => (error, asked),
        };
        self.progress.fail(now, asked, clock::jitter());
        self.published.send_modify(|published| published.trouble = Some(error));
    }

    fn refuse(&mut self, error: TokenError, rests_until: Option<Instant>) {
        self.published.send_modify(|published| {
            published.round += 1;
            published.trouble = Some(error.clone());
            published.standing = Standing::Refused { error, rests_until };
        });
    }

    /// Ends the session for good. If the server cannot be told, everything stays as it is.
    async fn sign_out(&mut self) -> Result<(), TokenError> {
        if let Some(session) = self.keeper.session() {
            let told = self.server.sign_out(&session).await.map_err(Failure::of);
            told.map_err(|failure| match failure {
                Failure::SessionOver(error) | Failure::Refused(error) => error,
                Failure::Transient { error, .. } => error,
            })?;
        }
        self.keeper.drop_session();
        self.progress.end();
        self.published.send_modify(|published| {
            published.round += 1;
            published.trouble = None;
            published.standing = Standing::SignedOut;
        });
        self.keeper.remove().await
    }
}

async fn wait_until(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due).await,
        None => std::future::pending().await,
    }
}
