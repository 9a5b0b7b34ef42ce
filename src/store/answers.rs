//! When the database has answered a question last: a queue that moves is told from one that is stuck.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::patience::monotonic_now;

/// The answers to what is read.
pub(super) struct Answers {
    made: Instant,
    /// Milliseconds after `made`.
    last: AtomicU64,
}

impl Answers {
    /// There is one.
    pub(super) fn note(&self) {
        let passed = u64::try_from(self.made.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last.fetch_max(passed, Ordering::Relaxed);
    }

    /// Whether there was one not longer ago than this.
    pub(super) fn came_within(&self, span: Duration) -> bool {
        let last = Duration::from_millis(self.last.load(Ordering::Relaxed));
        self.made.elapsed().saturating_sub(last) <= span
    }
}

impl Default for Answers {
    fn default() -> Self {
        Self { made: monotonic_now(), last: AtomicU64::new(0) }
    }
}
