//! What a service holds to check tokens with.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use countersign_verify::KeyId;
use tokio::sync::watch;
use tokio::time::timeout;

use super::asker::Asker;
use super::connection::GOODBYE;
use super::knowledge::{Judged, Knowledge};
use super::progress::Progress;
use super::{VerifierBuilder, VerifierStatus, WhenStale};
use crate::{Caller, Refusal, ServerEndpoint};

/// Checks Countersign's tokens for one audience. A cheap clone; the clones share everything.
///
/// The server must be told goodbye, or whoever revokes goes on waiting for this verifier: see [`close`](Self::close). When
/// the last clone is dropped that is done too, but by a task, which needs the runtime to go on for a moment.
#[derive(Clone)]
pub struct Verifier(Arc<Shared>);

pub(super) struct Shared {
    pub(super) knowledge: Arc<Knowledge>,
    pub(super) progress: Arc<Progress>,
    pub(super) when_stale: WhenStale,
    /// Only whoever may ask the server has it.
    pub(super) asker: Option<Asker>,
    /// Whether the connection is to end; it ends with this as well, and is over when nobody hears this any more.
    pub(super) closing: watch::Sender<bool>,
}

impl Verifier {
    /// A verifier of tokens for `audience`, told by `server`. The audience is the name of the service that embeds it, one
    /// of those that the server is configured with.
    pub fn builder(server: ServerEndpoint, audience: impl Into<String>) -> VerifierBuilder {
        VerifierBuilder::new(server, audience.into())
    }

    /// Whom a token speaks for. No I/O: a look-up for a token that was seen before, a signature check for another one. It
    /// is decided anew on every call whether the token has expired or was revoked.
    pub fn verify(&self, token: &str) -> Result<Caller, Refusal> {
        let Judged { caller, stale } = self.0.knowledge.judge(token)?;
        self.permit(stale)?;
        Ok(caller)
    }

    /// The same; but where what is known is too old, and the policy is [`WhenStale::AskServer`], the server is asked.
    /// Only about a token that is good by its signature and all that is known: strangers cause no calls.
    pub async fn verify_or_ask(&self, token: &str) -> Result<Caller, Refusal> {
        let Judged { caller, stale } = self.0.knowledge.judge(token)?;
        let (Some(staleness), Some(asker)) = (stale, &self.0.asker) else {
            self.permit(stale)?;
            return Ok(caller);
        };
        match asker.is_active(token).await {
            Some(true) => Ok(caller),
            Some(false) => Err(Refusal::TokenRevoked),
            None => Err(Refusal::TrustStale { staleness: Some(staleness) }),
        }
    }

    /// Whether a caller would still be accepted: for what takes longer than a call, as a stream does. No I/O, so that
    /// [`WhenStale::AskServer`] refuses here what it cannot decide.
    pub fn recheck(&self, caller: &Caller) -> Result<(), Refusal> {
        let stale = self.0.knowledge.look_again(caller)?;
        self.permit(stale)
    }

    /// Changes whenever [`Self::recheck`] may come out otherwise for any reason but the passing of time. The number
    /// itself means nothing.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.0.knowledge.changes()
    }

    /// Waits until everything has been known once: from then on tokens are accepted.
    pub async fn ready(&self) {
        self.0.progress.until_complete().await;
    }

    /// Says goodbye to the server, so that nobody waits for this verifier any more, and waits until that is done: for 2 s at
    /// the most, however the server is doing. The last thing a service does that stops, on the runtime that it ran on;
    /// dropping the verifier at the end of `main` is too late, for the runtime ends with it.
    ///
    /// It closes all clones. From then on every check is [`Refusal::TrustStale`] without an age, whatever the policy,
    /// because what is revoked now is told to nobody here; whoever follows [`changes`](Self::changes) hears of it, so that
    /// guarded streams end; and [`ready`](Self::ready) is not to be waited for any more. Closing again does nothing.
    pub async fn close(self) {
        self.0.closing.send_replace(true);
        let _over_or_slow = timeout(GOODBYE, self.0.closing.closed()).await;
        // Also where the task was gone already, with its runtime.
        self.0.knowledge.lose();
    }

    /// For how long [`Self::recheck`] accepts a caller whom it accepts now, if nothing [changes](Self::changes).
    pub(crate) fn holds_for(&self, caller: &Caller) -> Duration {
        let expiry = self.0.knowledge.expires_in(caller);
        match self.0.when_stale {
            WhenStale::AcceptSigned => expiry,
            WhenStale::Refuse | WhenStale::AskServer => expiry.min(self.0.knowledge.stale_in()),
        }
    }

    /// The key of the set that a token names, which proves nothing.
    pub(crate) fn key_named_by(&self, token: &str) -> Option<KeyId> {
        self.0.knowledge.key_named_by(token)
    }

    /// How it stands, for people and metrics.
    #[must_use]
    pub fn status(&self) -> VerifierStatus {
        self.0.progress.add_to(self.0.knowledge.status(), self.0.knowledge.now())
    }

    pub(super) fn new(shared: Shared) -> Self {
        Self(Arc::new(shared))
    }

    /// Waits as `ready` does, but no longer than until the server refuses the caller: then why.
    pub(super) async fn until_ready_or_refused(&self) -> Result<(), String> {
        self.0.progress.until_complete_or_refused().await
    }

    fn permit(&self, stale: Option<Duration>) -> Result<(), Refusal> {
        match (stale, self.0.when_stale) {
            (None, _) | (Some(_), WhenStale::AcceptSigned) => Ok(()),
            (staleness, WhenStale::Refuse | WhenStale::AskServer) => Err(Refusal::TrustStale { staleness }),
        }
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Verifier").field(&self.status()).finish()
    }
}
