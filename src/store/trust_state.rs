//! The trust log's revocations in memory, which every check of a token asks. Whoever commits a revocation publishes it
//! here, in the same task and before anybody learns that it was committed; what others committed is read from the log.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};
use std::time::{Duration, Instant};

use countersign_verify::{Claims, KeyId, Revocation, Revocations};
use tokio::sync::{Notify, watch};

use super::patience::monotonic_now;
use super::trust_marks::LogPlace;
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
    /// Told when the log turns out to be another one.
    elsewhere: Notify,
}

/// What became of a reading of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taking {
    Taken,
    /// More is known by now than where it began, and not what it found: the log is to be read again.
    Overtaken,
    /// Something is known by a number that the log has given to something else.
    Contradicted,
}

/// How much of the log is known, and since when that is so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TrustNews {
    /// Everything up to here is known.
    pub position: TrustPosition,
    /// The mark there.
    mark: Option<i64>,
    /// Whether what lies beyond it is of another log.
    doubtful: bool,
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

    /// The same, and by what it is recognised.
    pub(super) fn known(&self) -> LogPlace {
        let news = self.news.borrow();
        LogPlace { position: news.position, mark: news.mark, doubtful: news.doubtful }
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

    /// Takes revocations that have just been committed here, oldest first, with the mark that they follow and their own. A gap before
    /// them was committed by another process, and is left for [`Self::take_log`]. False, and nothing is taken, if others are known by
    /// their numbers: then what is known is of another log.
    pub(super) fn publish(
        &self,
        committed: &[Revocation],
        (before, mark): (Option<i64>, Option<i64>),
    ) -> bool {
        let (Some(first), Some(last)) = (committed.first(), committed.last()) else { return true };
        let mut revocations = self.revocations.write().unwrap_or_else(PoisonError::into_inner);
        if !self.add(&mut revocations, committed) {
            return false;
        }
        self.news.send_if_modified(|news| {
            let follows = news.position.sequence == first.sequence - 1 && news.mark == before;
            if follows {
                (news.position.sequence, news.mark) = (last.sequence, mark);
            }
            follows
        });
        true
    }

    /// Takes what a reading of the log found that began at `began`, in a log that has `from`; it went up to `end`.
    pub(super) fn take_log(
        &self,
        read: &[Revocation],
        (from, end): (LogPlace, LogPlace),
        began: Instant,
    ) -> Taking {
        let mut revocations = self.revocations.write().unwrap_or_else(PoisonError::into_inner);
        let known = self.known();
        let is_beyond = known.position.sequence >= end.position.sequence;
        if known.position.incarnation != end.position.incarnation || (known != from && !is_beyond) {
            return Taking::Overtaken;
        }
        if !self.add(&mut revocations, read) {
            self.news.send_modify(|news| news.doubtful = true);
            return Taking::Contradicted;
        }
        self.note_reading(began);
        self.news.send_modify(|news| {
            if !is_beyond {
                (news.position, news.mark) = (end.position, end.mark);
            }
            news.read_began = news.read_began.max(Some(began));
        });
        Taking::Taken
    }

    /// Says that the log is another one than the one that is known.
    pub(super) fn tell_elsewhere(&self) {
        self.elsewhere.notify_one();
    }

    /// Returns when somebody has said so.
    pub(super) async fn elsewhere(&self) {
        self.elsewhere.notified().await;
    }

    /// Takes the whole log of another incarnation in the place of what was known.
    pub(super) fn replace(&self, read: &[Revocation], end: LogPlace, began: Instant) {
        let mut fresh = Revocations::default();
        read.iter().for_each(|revocation| fresh.add(revocation));
        let mut revocations = self.revocations.write().unwrap_or_else(PoisonError::into_inner);
        self.holds_any.store(!fresh.is_empty(), Ordering::Release);
        *revocations = fresh;
        self.note_reading(began);
        let LogPlace { position, mark, doubtful } = end;
        self.news.send_replace(TrustNews { position, mark, doubtful, read_began: Some(began) });
    }

    fn note_reading(&self, began: Instant) {
        let micros = began.saturating_duration_since(self.made).as_micros();
        self.read_began.fetch_max(u64::try_from(micros).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// False, and none is added, if others are known by their numbers: those would be forgotten.
    fn add(&self, revocations: &mut Revocations, added: &[Revocation]) -> bool {
        if added.iter().any(|revocation| revocations.contradict(revocation)) {
            return false;
        }
        added.iter().for_each(|revocation| revocations.add(revocation));
        self.holds_any.store(!revocations.is_empty(), Ordering::Release);
        true
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
            elsewhere: Notify::default(),
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

    fn place(incarnation: u8, sequence: i64) -> LogPlace {
        LogPlace { position: at(incarnation, sequence), mark: None, doubtful: false }
    }

    fn began() -> Instant {
        #[expect(clippy::disallowed_methods, reason = "any instant will do")]
        Instant::now()
    }

    fn known(sequence: i64) -> TrustState {
        let state = TrustState::default();
        state.replace(&[], place(1, sequence), began());
        state
    }

    #[test]
    fn what_superseded_an_entry_is_told_with_it_though_it_lies_beyond_the_position() {
        // Another process ended a session at 5 and raised the epoch at 6, after the counter was read and before the rows.
        let state = known(4);
        state.take_log(&[raise(6)], (place(1, 4), place(1, 5)), began());
        assert_eq!(state.page(4, 10), (at(1, 5), vec![raise(6)]));
        // The same by a commit of this process: its entry is beyond a gap.
        let state = known(4);
        state.take_log(&[session(5)], (place(1, 4), place(1, 5)), began());
        assert!(state.publish(&[raise(7)], (None, None)));
        assert_eq!(state.page(4, 10), (at(1, 5), vec![raise(7)]));
        state.take_log(&[], (place(1, 5), place(1, 7)), began());
        assert_eq!(state.page(5, 10), (at(1, 7), vec![raise(7)]));
    }

    #[test]
    fn what_was_read_of_another_log_is_not_taken() {
        let state = known(4);
        state.replace(&[session(3)], place(2, 3), began());
        let news = *state.follow().borrow();
        let taking = state.take_log(&[raise(5)], (place(1, 4), place(1, 5)), began());
        assert_eq!(taking, Taking::Overtaken);
        assert_eq!(state.page(0, 10), (at(2, 3), vec![session(3)]));
        assert_eq!(*state.follow().borrow(), news);
    }

    #[test]
    fn what_contradicts_what_is_known_is_not_taken_and_casts_doubt_on_it() {
        let state = known(4);
        // Beyond a gap.
        assert!(state.publish(&[session(6)], (None, Some(1))));
        assert!(!state.publish(&[raise(6)], (None, Some(2))));
        let taking = state.take_log(&[session(5), raise(6)], (place(1, 4), place(1, 6)), began());
        assert_eq!(taking, Taking::Contradicted);
        assert_eq!(state.page(0, 10), (at(1, 4), vec![session(6)]));
        assert!(state.known().doubtful);
        state.replace(&[raise(6)], place(2, 6), began());
        assert!(!state.known().doubtful);
    }

    #[test]
    fn nothing_moves_what_is_known_but_what_follows_it() {
        let state = known(4);
        // Of another log: its mark is not the one that is known.
        assert!(state.publish(&[session(5)], (Some(9), Some(1))));
        assert_eq!(state.position(), at(1, 4));
        // A reading that began before something was published.
        assert!(state.publish(&[session(5)], (None, Some(1))));
        let taking = state.take_log(&[session(5), session(6)], (place(1, 4), place(1, 6)), began());
        assert_eq!((taking, state.position()), (Taking::Overtaken, at(1, 5)));
        // One that found no more than was published.
        let taking = state.take_log(&[session(5)], (place(1, 4), place(1, 5)), began());
        assert_eq!((taking, state.position()), (Taking::Taken, at(1, 5)));
    }
}
