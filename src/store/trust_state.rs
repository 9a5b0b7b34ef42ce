//! The trust log's revocations in memory, which every check of a token asks. Whoever commits a revocation publishes it
//! here, in the same task and before anybody learns that it was committed; what others committed is read from the log.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};
use std::time::{Duration, Instant};

use countersign_verify::{Claims, KeyId, Revocation, Revocations};
use tokio::sync::watch;

use super::patience::monotonic_now;
use crate::domain::{Timestamp, TrustPosition};

/// How many revocations are forgotten at a time: checks of tokens wait meanwhile.
const FORGET_STEP: usize = 256;

/// What has been revoked.
#[derive(Debug)]
pub struct TrustState {
    /// What is in here and how much of the log that is change together, while this is held.
    revocations: RwLock<Revocations>,
    /// Whether there is anything to ask them: mostly there is not, and then nobody has to take turns at a lock.
    holds_any: AtomicBool,
    news: watch::Sender<TrustNews>,
    /// The same moment as in the news, where every check of a token can look: microseconds after `made`.
    read_began: AtomicU64,
    made: Instant,
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

    /// How long ago the last reading of the log began. What others have revoked since is not known.
    #[must_use]
    pub fn age(&self) -> Duration {
        let began = Duration::from_micros(self.read_began.load(Ordering::Relaxed));
        self.made.elapsed().saturating_sub(began)
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

    /// How many follow it.
    #[must_use]
    pub fn followers(&self) -> usize {
        self.news.receiver_count()
    }

    /// Up to where the log is known, and up to `at_most` revocations after a place in it, in their order; what is outdated or
    /// superseded is left out. What superseded something may itself lie beyond the position: it is among them, so that nothing
    /// up to the position is missing.
    #[must_use]
    pub fn page(&self, after: i64, at_most: usize) -> (TrustPosition, Vec<Revocation>) {
        let revocations = self.revocations.read().unwrap_or_else(PoisonError::into_inner);
        (self.position(), revocations.page(after, i64::MAX, at_most))
    }

    /// Takes revocations that have just been committed here, oldest first. A gap before them was committed by another
    /// process, and is left for [`Self::take_log`].
    pub(super) fn publish(&self, committed: &[Revocation]) {
        let (Some(first), Some(last)) = (committed.first(), committed.last()) else { return };
        let mut revocations = self.revocations.write().unwrap_or_else(PoisonError::into_inner);
        self.add(&mut revocations, committed);
        self.news.send_if_modified(|news| {
            let sequence = &mut news.position.sequence;
            let follows = *sequence >= first.sequence - 1 && *sequence < last.sequence;
            if follows {
                *sequence = last.sequence;
            }
            follows
        });
    }

    /// Takes what a reading of the log found that began at `began`; it went up to `position`. If the log is another one by
    /// now, it means nothing.
    pub(super) fn take_log(&self, read: &[Revocation], position: TrustPosition, began: Instant) {
        let mut revocations = self.revocations.write().unwrap_or_else(PoisonError::into_inner);
        if self.position().incarnation != position.incarnation {
            return;
        }
        self.add(&mut revocations, read);
        self.note_reading(began);
        self.news.send_modify(|news| {
            news.position.sequence = news.position.sequence.max(position.sequence);
            news.read_began = news.read_began.max(Some(began));
        });
    }

    /// Takes the whole log of another incarnation in the place of what was known.
    pub(super) fn replace(&self, read: &[Revocation], position: TrustPosition, began: Instant) {
        let mut fresh = Revocations::default();
        read.iter().for_each(|revocation| fresh.add(revocation));
        let mut revocations = self.revocations.write().unwrap_or_else(PoisonError::into_inner);
        self.holds_any.store(!fresh.is_empty(), Ordering::Release);
        *revocations = fresh;
        self.note_reading(began);
        self.news.send_replace(TrustNews { position, read_began: Some(began) });
    }

    fn note_reading(&self, began: Instant) {
        let micros = began.saturating_duration_since(self.made).as_micros();
        self.read_began.fetch_max(u64::try_from(micros).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    fn add(&self, revocations: &mut Revocations, added: &[Revocation]) {
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
            read_began: AtomicU64::default(),
            made: monotonic_now(),
        }
    }
}

#[cfg(test)]
mod tests {
    use countersign_verify::Revoked;
    use uuid::Uuid;

    use super::*;

    const ALICE: Uuid = Uuid::from_u128(1);

    fn session(sequence: i64) -> Revocation {
        let session_id = Uuid::from_u128(u128::from(sequence.unsigned_abs()) + 100);
        Revocation { sequence, revoked: Revoked::Session { user_id: ALICE, session_id }, forget_at: i64::MAX }
    }

    fn raise(sequence: i64) -> Revocation {
        Revocation {
            sequence,
            revoked: Revoked::User { user_id: ALICE, below_epoch: sequence },
            forget_at: i64::MAX,
        }
    }

    fn at(incarnation: u8, sequence: i64) -> TrustPosition {
        TrustPosition { incarnation: [incarnation; 16], sequence }
    }

    fn began() -> Instant {
        #[expect(clippy::disallowed_methods, reason = "any instant will do")]
        Instant::now()
    }

    fn known(sequence: i64) -> TrustState {
        let state = TrustState::default();
        state.replace(&[], at(1, sequence), began());
        state
    }

    #[test]
    fn what_superseded_an_entry_is_told_with_it_though_it_lies_beyond_the_position() {
        // Another process ended a session at 5 and raised the epoch at 6, after the counter was read and before the rows.
        let state = known(4);
        state.take_log(&[raise(6)], at(1, 5), began());
        assert_eq!(state.page(4, 10), (at(1, 5), vec![raise(6)]));
        // The same by a commit of this process: its entry is beyond a gap.
        let state = known(4);
        state.take_log(&[session(5)], at(1, 5), began());
        state.publish(&[raise(7)]);
        assert_eq!(state.page(4, 10), (at(1, 5), vec![raise(7)]));
        state.take_log(&[], at(1, 7), began());
        assert_eq!(state.page(5, 10), (at(1, 7), vec![raise(7)]));
    }

    #[test]
    fn what_was_read_of_another_log_is_not_taken() {
        let state = known(4);
        state.replace(&[session(3)], at(2, 3), began());
        let news = *state.follow().borrow();
        state.take_log(&[raise(5)], at(1, 5), began());
        assert_eq!(state.page(0, 10), (at(2, 3), vec![session(3)]));
        assert_eq!(*state.follow().borrow(), news);
    }
}
