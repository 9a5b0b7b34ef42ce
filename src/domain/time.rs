//! Points in time and where they come from. Owns no timer and reads no clock by itself.

use std::time::Duration;

/// A point in time, in whole milliseconds since the Unix epoch, as the database stores it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The moment `millis` milliseconds after the Unix epoch.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the Unix epoch.
    #[must_use]
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// Whole seconds since the Unix epoch, rounded down.
    #[must_use]
    pub const fn as_secs(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// The same moment without its fraction of a second: token claims have whole seconds.
    #[must_use]
    pub const fn floor_to_second(self) -> Self {
        Self(self.as_secs().saturating_mul(1000))
    }

    /// The moment `span` later; the end of time if that is out of range.
    #[must_use]
    pub fn plus(self, span: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(span.as_millis()).unwrap_or(i64::MAX)))
    }

    /// The moment `span` earlier; the beginning of time if that is out of range.
    #[must_use]
    pub fn minus(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(span.as_millis()).unwrap_or(i64::MAX)))
    }

    /// How long after `earlier` this is; zero if it is before.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

/// Where the time comes from: the system in the service, a hand-turned clock in tests.
pub trait Clock: Send + Sync + 'static {
    /// The present moment. It may be wrong, and set right.
    fn now(&self) -> Timestamp;

    /// The time since some moment that stays the same. It never goes back, and nobody sets it.
    fn elapsed(&self) -> Duration;
}

/// The time by which something is forgotten for good: the clock's, but moving on no faster than time passes. A clock that
/// jumps ahead, and back when it is found out, would otherwise end what must still be known.
#[derive(Clone, Copy, Debug)]
pub struct SteadyTime {
    now: Timestamp,
    elapsed: Duration,
}

impl SteadyTime {
    /// Begins with what the clock says.
    #[must_use]
    pub fn begin(clock: &dyn Clock) -> Self {
        Self { now: clock.now(), elapsed: clock.elapsed() }
    }

    /// The present moment, at the latest.
    pub fn tick(&mut self, clock: &dyn Clock) -> Timestamp {
        let elapsed = clock.elapsed();
        let passed = self.now.plus(elapsed.saturating_sub(self.elapsed));
        (self.now, self.elapsed) = (clock.now().min(passed), elapsed);
        self.now
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::sync::Mutex;

    use super::*;

    /// Two hands: what the clock on the wall says, and what has really passed.
    struct Hands(Mutex<Cell<(i64, u64)>>);

    impl Hands {
        fn turn(&self, wall: i64, passed: u64) {
            let hands = self.0.lock().unwrap();
            let (old_wall, old_passed) = hands.get();
            hands.set((old_wall + wall, old_passed + passed));
        }
    }

    impl Clock for Hands {
        fn now(&self) -> Timestamp {
            Timestamp::from_millis(self.0.lock().unwrap().get().0)
        }

        fn elapsed(&self) -> Duration {
            Duration::from_millis(self.0.lock().unwrap().get().1)
        }
    }

    #[test]
    fn steady_time_does_not_run_ahead_with_a_clock_that_jumps() {
        let clock = Hands(Mutex::new(Cell::new((1_000, 70))));
        let mut time = SteadyTime::begin(&clock);
        let mut after = |wall, passed| {
            clock.turn(wall, passed);
            time.tick(&clock).as_millis()
        };
        assert_eq!(after(10, 10), 1_010);
        assert_eq!(after(3_600_000, 5), 1_015, "the clock jumps ahead");
        assert_eq!(after(10, 10), 1_025);
        assert_eq!(after(-3_600_000, 5), 1_020, "and is set right");
        assert_eq!(after(-500, 5), 520, "it was ahead from the beginning");
        assert_eq!(after(500, 5), 525, "and jumps again");
    }
}
