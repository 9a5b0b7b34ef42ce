//! Where a verifier's time comes from: the system, or a clock that tests turn by hand.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Two clocks: what a token's expiry is read on, and what tells how long ago something happened.
pub trait Clock: Send + Sync + 'static {
    /// The time of day, in milliseconds since the Unix epoch. It may be set back.
    fn wall_millis(&self) -> i64;

    /// The time since some moment that stays the same. It never goes back.
    fn monotonic(&self) -> Duration;
}

/// The system's clocks.
pub(crate) struct SystemClock {
    origin: Instant,
}

impl SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock that others take as an argument")]
    pub(crate) fn new() -> Self {
        Self { origin: Instant::now() }
    }
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock that others take as an argument")]
    fn wall_millis(&self) -> i64 {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX)
    }

    fn monotonic(&self) -> Duration {
        self.origin.elapsed()
    }
}
