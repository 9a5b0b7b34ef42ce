//! What a service holds to check tokens with.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::knowledge::{Judged, Knowledge};
use super::{VerifierStatus, WhenStale};
use crate::{Caller, Refusal};

/// Checks Countersign's tokens for one audience. A cheap clone; the clones share everything.
#[derive(Clone)]
pub struct Verifier(Arc<Shared>);

struct Shared {
    knowledge: Arc<Knowledge>,
    when_stale: WhenStale,
}

impl Verifier {
    /// Whom a token speaks for. No I/O: a few microseconds for a token that was seen before, a signature check for
    /// another one. It is decided anew on every call whether the token has expired or was revoked.
    pub fn verify(&self, token: &str) -> Result<Caller, Refusal> {
        let Judged { caller, stale } = self.0.knowledge.judge(token)?;
        self.permit(stale)?;
        Ok(caller)
    }

    /// Whether a caller would still be accepted: for what takes longer than a call, as a stream does. No I/O.
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

    /// How it stands, for people and metrics.
    #[must_use]
    pub fn status(&self) -> VerifierStatus {
        self.0.knowledge.status()
    }

    /// One that knows what `knowledge` is told, and is connected to nothing.
    #[cfg(test)]
    pub(super) fn unconnected(knowledge: Arc<Knowledge>, when_stale: WhenStale) -> Self {
        Self(Arc::new(Shared { knowledge, when_stale }))
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
