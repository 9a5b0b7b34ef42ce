//! The trust log's revocations in memory, which every check of a token asks. Whoever commits a revocation publishes it
//! here, in the same task and before anybody learns that it was committed; what others committed is read from the log.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{PoisonError, RwLock};

use countersign_verify::{Claims, KeyId, Revocation, Revocations};

use crate::domain::Timestamp;

/// How many revocations are forgotten at a time: checks of tokens wait meanwhile.
const FORGET_STEP: usize = 256;

/// What has been revoked.
#[derive(Debug, Default)]
pub struct TrustState {
    revocations: RwLock<Revocations>,
    /// Whether there is anything to ask them: mostly there is not, and then nobody has to take turns at a lock.
    holds_any: AtomicBool,
    /// Everything up to this position of the log is in here.
    complete: AtomicI64,
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
    pub(super) fn complete_to(&self) -> i64 {
        self.complete.load(Ordering::Acquire)
    }

    /// Takes revocations that have just been committed here, oldest first. A gap before them was committed by another
    /// process, and is left for [`Self::take_log`].
    pub(super) fn publish(&self, committed: &[Revocation]) {
        self.add(committed);
        for revocation in committed {
            let before = revocation.sequence - 1;
            let _another_gap = self.complete.compare_exchange(
                before,
                revocation.sequence,
                Ordering::AcqRel,
                Ordering::Acquire,
            );
        }
    }

    /// Takes what the log holds up to `position`.
    pub(super) fn take_log(&self, read: &[Revocation], position: i64) {
        self.add(read);
        self.complete.fetch_max(position, Ordering::AcqRel);
    }

    fn add(&self, added: &[Revocation]) {
        let mut revocations = self.revocations.write().unwrap_or_else(PoisonError::into_inner);
        added.iter().for_each(|revocation| revocations.add(revocation));
        self.holds_any.store(!revocations.is_empty(), Ordering::Release);
    }
}
