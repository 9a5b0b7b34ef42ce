//! The trust log's revocations in memory, which every check of a token asks. Whoever commits a revocation publishes it
//! here, in the same task and before anybody learns that it was committed; what others committed is read from the log.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, RwLock};
use std::time::Instant;

use countersign_verify::{Claims, KeyId, Revocation, Revocations};
use tokio::sync::watch;

use crate::domain::{Timestamp, TrustPosition};

/// How many revocations are forgotten at a time: checks of tokens wait meanwhile.
const FORGET_STEP: usize = 256;

/// What has been revoked.
#[derive(Debug)]
pub struct TrustState {
    revocations: RwLock<Revocations>,
    /// Whether there is anything to ask them: mostly there is not, and then nobody has to take turns at a lock.
    holds_any: AtomicBool,
    news: watch::Sender<TrustNews>,
}

/// How much of the log is known, and since when that is so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TrustNews {
    /// Everything up to here is known.
    pub position: TrustPosition,
    /// When the last reading of the log began that found nothing more.
    pub read_began: Option<Instant>,
}

impl TrustState {
    /// Whether a token that says `claims`, signed by `key_id`, has been revoked.
    #[must_use]
    pub fn has_revoked(&self, claims: &Claims, key_id: &KeyId) -> bool {
        self.holds_any.load(Ordering::Acquire)
            && self.revocations.read().unwrap_or_else(PoisonError::into_inner).hit(claims, key_id)
    }

    /// Whether a key has been revoked: it must not sign either.
    #[must_use]
    pub fn has_revoked_key(&self, key_id: &KeyId) -> bool {
        self.revocations.read().unwrap_or_else(PoisonError::into_inner).hit_key(key_id)
    }

    /// Forgets what no token that is still alive can meet, a little at a time.
    pub fn forget(&self, now: Timestamp) {
        let step = || {
            let mut revocations = self.revocations.write().unwrap_or_else(PoisonError::into_inner);
            let more = revocations.forget(now.as_millis(), FORGET_STEP);
            self.holds_any.store(!revocations.is_empty(), Ordering::Release);
            more
        };
        while step() {}
    }

    /// How many revocations are remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.revocations.read().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Up to which position the log is known without a gap.
    #[must_use]
    pub fn position(&self) -> TrustPosition {
        self.news.borrow().position
    }

    /// Follows what becomes known, and each reading of the log.
    #[must_use]
    pub fn follow(&self) -> watch::Receiver<TrustNews> {
        self.news.subscribe()
    }

    /// Up to `at_most` revocations after one place of the log and up to another, in their order; what is outdated or
    /// superseded is left out.
    #[must_use]
    pub fn page(&self, after: i64, through: i64, at_most: usize) -> Vec<Revocation> {
        self.revocations.read().unwrap_or_else(PoisonError::into_inner).page(after, through, at_most)
    }

    /// Takes revocations that have just been committed here, oldest first. A gap before them was committed by another
    /// process, and is left for [`Self::take_log`].
    pub(super) fn publish(&self, committed: &[Revocation]) {
        let (Some(first), Some(last)) = (committed.first(), committed.last()) else { return };
        self.add(committed);
        self.news.send_if_modified(|news| {
            let sequence = &mut news.position.sequence;
            let follows = *sequence >= first.sequence - 1 && *sequence < last.sequence;
            if follows {
                *sequence = last.sequence;
            }
            follows
        });
    }

    /// Takes what a reading of the log found that began at `began`; it went up to `position`, of the same incarnation.
    pub(super) fn take_log(&self, read: &[Revocation], position: TrustPosition, began: Instant) {
        self.add(read);
        self.news.send_modify(|news| {
            if news.position.incarnation == position.incarnation {
                news.position.sequence = news.position.sequence.max(position.sequence);
                news.read_began = news.read_began.max(Some(began));
            }
        });
    }

    /// Takes the whole log of another incarnation in the place of what was known.
    pub(super) fn replace(&self, read: &[Revocation], position: TrustPosition, began: Instant) {
        let mut fresh = Revocations::default();
        read.iter().for_each(|revocation| fresh.add(revocation));
        self.holds_any.store(true, Ordering::Release);
        let empty = fresh.is_empty();
        *self.revocations.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        self.holds_any.store(!empty, Ordering::Release);
        self.news.send_replace(TrustNews { position, read_began: Some(began) });
    }

    fn add(&self, added: &[Revocation]) {
        let mut revocations = self.revocations.write().unwrap_or_else(PoisonError::into_inner);
        added.iter().for_each(|revocation| revocations.add(revocation));
        self.holds_any.store(!revocations.is_empty(), Ordering::Release);
    }
}

impl Default for TrustState {
    fn default() -> Self {
        Self {
            revocations: RwLock::default(),
            holds_any: AtomicBool::default(),
            news: watch::Sender::new(TrustNews::default()),
        }
    }
}
