//! How soon after one frame of revocations a stream is told the next. A frame costs the server about the same whether it
//! carries one entry or many; with thousands of verifiers, one for each would keep its processor from everything else while
//! many are revoked. So a stream rests after a frame, for about as long as it takes to tell it to all streams, and what is
//! revoked meanwhile shares the next. What is revoked after a quiet moment is told at once.

use std::time::{Duration, Instant};

/// What a frame costs for one stream, about: 16 µs of an idle processor; on a busy one, with a connection for each stream, 32 µs
/// were measured, heartbeats included. Where it costs more than this, streams hardly rest: it bounds lateness, not load.
const FOR_A_FRAME: Duration = Duration::from_micros(25);
/// The longest rest, that of 2,000 streams: no revocation is told later than this for the sake of others.
const LONGEST_REST: Duration = Duration::from_millis(50);

/// The pace of one stream.
pub(super) struct TrustPace {
    rests_until: Instant,
    has_to_tell: bool,
}

impl TrustPace {
    /// Of a stream that may tell what there is.
    pub(super) fn new(now: Instant) -> Self {
        Self { rests_until: now, has_to_tell: false }
    }

    /// There are revocations to tell: whether they have to wait.
    pub(super) fn puts_off(&mut self, now: Instant) -> bool {
        self.has_to_tell = now < self.rests_until;
        self.has_to_tell
    }

    /// Some were told, and so they are to `streams` streams.
    pub(super) fn note_told(&mut self, now: Instant, streams: usize) {
        let streams = u32::try_from(streams).unwrap_or(u32::MAX);
        self.rests_until = now + FOR_A_FRAME.saturating_mul(streams).min(LONGEST_REST);
    }

    /// When revocations may be told that have been put off since this was asked last; `None` if there are none.
    pub(super) fn put_off_until(&mut self) -> Option<Instant> {
        std::mem::take(&mut self.has_to_tell).then_some(self.rests_until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::verifier_lease::monotonic_now;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn what_comes_after_a_quiet_moment_is_told_at_once_and_what_follows_it_shares_a_frame() {
        let now = monotonic_now();
        let mut pace = TrustPace::new(now);
        assert!(!pace.puts_off(now));
        pace.note_told(now, 1000);
        assert_eq!(pace.put_off_until(), None, "nothing has come since");
        assert!(pace.puts_off(now + 24 * MS));
        assert_eq!(pace.put_off_until(), Some(now + 25 * MS));
        assert!(!pace.puts_off(now + 25 * MS));
        assert_eq!(pace.put_off_until(), None);
    }

    #[test]
    fn few_streams_hardly_rest_and_many_rest_no_longer_than_fifty_milliseconds() {
        let now = monotonic_now();
        for (streams, rest) in
            [(0, Duration::ZERO), (3, MS * 75 / 1000), (2000, 50 * MS), (usize::MAX, 50 * MS)]
        {
            let mut pace = TrustPace::new(now);
            pace.note_told(now, streams);
            assert_eq!(pace.rests_until, now + rest, "{streams}");
        }
    }
}
