//! Time as it passes, whatever the clock on the wall says; and for how long a transaction that others are in the way of is
//! tried again: within the time that a call has, a little later each time.

use std::time::{Duration, Instant};

/// For how long after the first attempt another one is begun.
const WHOLE: Duration = Duration::from_millis(1500);
/// How long the first pause is; each next one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(2);
/// How long a pause is at most.
const LONGEST_PAUSE: Duration = Duration::from_millis(64);

/// What is left of it.
pub(super) struct Patience {
    began: Instant,
    whole: Duration,
    pause: Duration,
}

impl Patience {
    pub(super) fn new() -> Self {
        Self { began: monotonic_now(), whole: WHOLE, pause: FIRST_PAUSE }
    }

    /// Has as much as something needs that takes this long by itself.
    pub(super) fn last(&mut self, whole: Duration) {
        self.whole = whole;
    }

    /// Pauses before another attempt. False at once if there is none left.
    #[expect(
        clippy::disallowed_methods,
        reason = "the transactions that were in the way send no word when they are over"
    )]
    pub(super) async fn pause(&mut self) -> bool {
        if self.began.elapsed() + self.pause > self.whole {
            return false;
        }
        tokio::time::sleep(self.pause).await;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        true
    }
}

pub(super) fn monotonic_now() -> Instant {
    #[expect(
        clippy::disallowed_methods,
        reason = "how old a reading is, and how long somebody waits, does not depend on the clock on the wall"
    )]
    Instant::now()
}
