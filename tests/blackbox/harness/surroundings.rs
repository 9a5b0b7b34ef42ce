//! A clock whose hands the test turns, and randomness that is the same on every run.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use countersign::domain::{Clock, Entropy, Timestamp};

/// 2026-01-01T00:00:00.400Z: not at a full second, because real clocks are not either.
const START_MILLIS: i64 = 1_767_225_600_400;

/// The time of day, and the time that has passed; both in milliseconds.
pub struct ManualClock {
    wall: AtomicI64,
    elapsed: AtomicU64,
}

impl ManualClock {
    pub fn new() -> Self {
        Self { wall: AtomicI64::new(START_MILLIS), elapsed: AtomicU64::new(0) }
    }

    /// Time passes.
    pub fn advance(&self, span: Duration) {
        self.elapsed.fetch_add(u64::try_from(span.as_millis()).unwrap(), Ordering::SeqCst);
        self.jump_ahead(span);
    }

    /// As when somebody sets the clock wrong.
    pub fn jump_ahead(&self, span: Duration) {
        self.wall.fetch_add(i64::try_from(span.as_millis()).unwrap(), Ordering::SeqCst);
    }

    /// As when a clock that was wrong is set right.
    pub fn turn_back(&self, span: Duration) {
        self.wall.fetch_sub(i64::try_from(span.as_millis()).unwrap(), Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.wall.load(Ordering::SeqCst))
    }

    fn elapsed(&self) -> Duration {
        Duration::from_millis(self.elapsed.load(Ordering::SeqCst))
    }
}

/// SplitMix64. Two servers of one test share it, so that they do not make the same ids.
pub struct SeededEntropy(AtomicU64);

impl SeededEntropy {
    pub fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }

    pub fn next(&self) -> u64 {
        let mut z =
            self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed).wrapping_add(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

impl Entropy for SeededEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&self.next().to_le_bytes()[..chunk.len()]);
        }
    }
}
