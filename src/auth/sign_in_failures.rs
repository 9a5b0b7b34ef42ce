//! Sign-in failures, counted for an hour per user and address: thousands of guesses are one event with a number. The
//! counts are written now and then; a process that is killed loses the last few seconds of them. Names that are nobody's
//! are not kept: people type their passwords into the wrong field.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::domain::{Entropy, EventId, EventKind, SecurityEvent, Timestamp, UserId};

/// How long failures are counted together.
const WINDOW: Duration = Duration::from_secs(3600);
/// How many pairs of user and address are told apart at a time; all others are one. Whoever guesses from many addresses
/// fills neither the memory nor the database.
const MOST_PAIRS: usize = 1024;

/// Whose account, and from where.
type Pair = (Option<UserId>, Option<IpAddr>);

/// The failures of the last hour.
#[derive(Default)]
pub(super) struct SignInFailures(Mutex<Counts>);

#[derive(Default)]
struct Counts {
    open: HashMap<Pair, Counted>,
    /// Those whose hour is over and that have not been written yet.
    closed: Vec<SecurityEvent>,
}

struct Counted {
    event: SecurityEvent,
    written: bool,
}

impl SignInFailures {
    /// Counts one more.
    pub(super) fn count(&self, pair: Pair, now: Timestamp, entropy: &dyn Entropy) {
        let mut counts = self.lock();
        counts.close(now);
        let room = counts.open.contains_key(&pair) || counts.open.len() < MOST_PAIRS;
        let pair = if room { pair } else { (None, None) };
        match counts.open.get_mut(&pair) {
            Some(counted) => counted.add(now),
            None => {
                counts.open.insert(pair, Counted { event: first(pair, now, entropy), written: false });
            }
        }
    }

    /// What is not written yet.
    pub(super) fn unwritten(&self, now: Timestamp) -> Vec<SecurityEvent> {
        let mut counts = self.lock();
        counts.close(now);
        let open = counts.open.values().filter(|counted| !counted.written).map(|counted| &counted.event);
        open.chain(&counts.closed).cloned().collect()
    }

    /// Notes that these have been written as they were; what came after that is still to be written.
    pub(super) fn note_written(&self, events: &[SecurityEvent]) {
        let mut counts = self.lock();
        counts.closed.retain(|event| !events.contains(event));
        for event in events {
            if let Some(counted) = counts.open.get_mut(&(event.user_id, event.peer)) {
                counted.written |= counted.event == *event;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counts {
    fn close(&mut self, now: Timestamp) {
        let over = self.open.extract_if(|_, counted| now.since(counted.event.time) >= WINDOW);
        self.closed.extend(over.filter(|(_, counted)| !counted.written).map(|(_, counted)| counted.event));
    }
}

impl Counted {
    fn add(&mut self, now: Timestamp) {
        self.event.count += 1;
        self.event.last_time = self.event.last_time.max(now);
        self.written = false;
    }
}

fn first((user_id, peer): Pair, now: Timestamp, entropy: &dyn Entropy) -> SecurityEvent {
    SecurityEvent {
        id: EventId::generate(now, entropy),
        kind: EventKind::SignInFailed,
        time: now,
        last_time: now,
        count: 1,
        user_id,
        actor_id: None,
        session_id: None,
        peer,
        detail: String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Counter(std::sync::atomic::AtomicU8);

    impl Entropy for Counter {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
        }
    }

    fn entropy() -> Counter {
        Counter(std::sync::atomic::AtomicU8::new(1))
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(1_700_000_000_000 + seconds * 1000)
    }

    fn pair(user: u128, host: u8) -> Pair {
        (Some(UserId::from_uuid(uuid::Uuid::from_u128(user))), Some(IpAddr::from([192, 0, 2, host])))
    }

    #[test]
    fn failures_of_an_hour_are_one_event_with_a_count() {
        let (failures, entropy) = (SignInFailures::default(), entropy());
        for second in 0..100 {
            failures.count(pair(1, 1), at(second), &entropy);
        }
        failures.count(pair(1, 2), at(5), &entropy);
        failures.count((None, pair(1, 1).1), at(5), &entropy);
        let events = failures.unwritten(at(100));
        assert_eq!(events.len(), 3);
        let event = events.iter().find(|event| (event.user_id, event.peer) == pair(1, 1)).unwrap();
        assert_eq!((event.count, event.time, event.last_time), (100, at(0), at(99)));
    }

    #[test]
    fn a_count_is_written_again_under_the_same_id_until_its_hour_is_over() {
        let (failures, entropy) = (SignInFailures::default(), entropy());
        failures.count(pair(1, 1), at(0), &entropy);
        let first = failures.unwritten(at(1));
        failures.note_written(&first);
        assert_eq!(failures.unwritten(at(1)), []);
        failures.count(pair(1, 1), at(2), &entropy);
        let second = failures.unwritten(at(2));
        assert_eq!((second[0].id, second[0].count), (first[0].id, 2));
        // One more comes while the second is being written.
        failures.count(pair(1, 1), at(3), &entropy);
        failures.note_written(&second);
        assert_eq!(failures.unwritten(at(3))[0].count, 3);
        failures.count(pair(1, 1), at(3600), &entropy);
        let mut both = failures.unwritten(at(3600));
        both.sort_by_key(|event| event.time);
        assert_eq!(both.iter().map(|event| event.count).collect::<Vec<_>>(), [3, 1]);
        assert_eq!((both[0].id == first[0].id, both[1].id == first[0].id), (true, false));
        failures.note_written(&both);
        assert_eq!(failures.unwritten(at(3600)), []);
    }

    #[test]
    fn guesses_from_everywhere_fill_a_bounded_table() {
        let (failures, entropy) = (SignInFailures::default(), entropy());
        for user in 0..5000 {
            failures.count(pair(user, 1), at(0), &entropy);
        }
        let events = failures.unwritten(at(0));
        assert_eq!(events.len(), MOST_PAIRS + 1);
        let rest = events.iter().find(|event| event.user_id.is_none()).unwrap();
        assert_eq!(rest.count, 5000 - 1024);
    }
}
