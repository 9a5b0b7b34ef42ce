//! Where a verifier's time comes from: the system, or a clock that tests turn by hand.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Two clocks: what a token's expiry is read on, and what tells how long ago something happened.
pub trait Clock: Send + Sync + 'static {
    /// The time of day, in milliseconds since the Unix epoch. It may be set back.
    fn wall_millis(&self) -> i64;

    /// The time since some moment that stays the same. It never goes back.
    fn monotonic(&self) -> Duration;
}

/// The system's clocks.
pub(crate) struct SystemClock {
    origin: Duration,
}

impl SystemClock {
    pub(crate) fn new() -> Self {
        Self { origin: since_boot() }
    }
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock that others take as an argument")]
    fn wall_millis(&self) -> i64 {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX)
    }

    fn monotonic(&self) -> Duration {
        since_boot().saturating_sub(self.origin)
    }
}

/// The clock that goes on while the machine is suspended: what was known before is as old as it is then.
#[cfg(target_os = "linux")]
fn since_boot() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    Duration::try_from(now).unwrap_or_default()
}

/// The clock that the system has for this.
#[cfg(not(target_os = "linux"))]
#[expect(clippy::disallowed_methods, reason = "this is the clock that others take as an argument")]
fn since_boot() -> Duration {
    static ORIGIN: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
    ORIGIN.get_or_init(std::time::Instant::now).elapsed()
}
