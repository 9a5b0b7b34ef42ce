//! When the background task makes its next attempt, after what came of those before. Pure: time and randomness are
//! arguments.
//!
//! ```text
//! Waiting ──> Fresh ──> Waiting …      a failure that may pass, then a token
//!    │          │
//!    └──────────┴──> Refused ──> Fresh      only if somebody asks, and not before its rest is over
//! any ──> Over      signed out, or refused with nothing left to try
//! ```

use std::time::Duration;

use tokio::time::Instant;

use super::schedule;

/// How far apart refreshes are that callers ask for, so that a service which refuses every token does not cause a refresh
/// a call.
const SPACING: Duration = Duration::from_secs(1);

pub(super) struct Progress {
    phase: Phase,
    failures: u32,
    refusals: u32,
    /// Before this no caller's wish causes a refresh.
    not_before: Instant,
}

enum Phase {
    /// The next attempt is due at a moment, whoever asks.
    Waiting { until: Instant },
    /// There is a token. It is refreshed ahead of its expiry, or when somebody has been refused with it.
    Fresh { refresh_at: Instant },
    /// The server refused.
    Refused { rests_until: Instant },
    /// There is nothing left to attempt.
    Over,
}

impl Progress {
    /// The first attempt is due at once.
    pub(super) fn new(now: Instant) -> Self {
        Self { phase: Phase::Waiting { until: now }, failures: 0, refusals: 0, not_before: now }
    }

    /// When to make an attempt, given whether anybody wants more than there is; `None` is not at all.
    pub(super) fn due(&self, wanted: bool) -> Option<Instant> {
        match self.phase {
            Phase::Waiting { until } => Some(until),
            Phase::Fresh { refresh_at } if wanted => Some(refresh_at.min(self.not_before)),
            Phase::Fresh { refresh_at } => Some(refresh_at),
            Phase::Refused { rests_until } => wanted.then_some(rests_until),
            Phase::Over => None,
        }
    }

    /// An attempt begins.
    pub(super) fn begin(&mut self, wanted: bool, now: Instant) {
        if wanted && matches!(self.phase, Phase::Fresh { .. }) {
            self.not_before = now + SPACING;
        }
    }

    /// It brought a token that was asked for at `asked_at` and is `usable` for so long.
    pub(super) fn succeed(&mut self, asked_at: Instant, usable: Duration, jitter: f64) {
        let refresh_at = asked_at + schedule::use_before_refresh(usable, jitter);
        *self = Self { phase: Phase::Fresh { refresh_at }, failures: 0, refusals: 0, ..*self };
    }

    /// It failed in a way that may pass, and the server has or has not asked for a pause.
    pub(super) fn fail(&mut self, now: Instant, asked: Option<Duration>, jitter: f64) {
        self.failures += 1;
        let wait = schedule::wait_after(self.failures, asked, jitter);
        self.phase = Phase::Waiting { until: now + wait };
    }

    /// It was refused. Until when that stands.
    pub(super) fn refuse(&mut self, now: Instant) -> Instant {
        self.refusals += 1;
        let rests_until = now + schedule::rest_after(self.refusals);
        self.phase = Phase::Refused { rests_until };
        rests_until
    }

    /// No other attempt will be made.
    pub(super) fn end(&mut self) {
        self.phase = Phase::Over;
    }
}

#[cfg(test)]
mod tests {
    use super::super::clock;
    use super::*;

    const fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    #[test]
    fn the_first_attempt_waits_for_nobody() {
        let now = clock::now();
        assert_eq!(Progress::new(now).due(false), Some(now));
    }

    #[test]
    fn a_token_is_refreshed_ahead_of_expiry_or_when_it_was_refused() {
        let now = clock::now();
        let mut progress = Progress::new(now);
        progress.succeed(now, secs(600), 0.0);
        assert_eq!(progress.due(false), Some(now + secs(360)));
        assert_eq!(progress.due(true), Some(now));
    }

    #[test]
    fn a_service_that_refuses_every_token_causes_a_refresh_a_second_and_no_more() {
        let now = clock::now();
        let mut progress = Progress::new(now);
        progress.succeed(now, secs(600), 0.0);
        for second in 0..10 {
            let due = progress.due(true).unwrap();
            assert_eq!(due, now + secs(second));
            progress.begin(true, due);
            progress.succeed(due, secs(600), 0.0);
        }
    }

    #[test]
    fn callers_do_not_hurry_attempts_that_failed() {
        let now = clock::now();
        let mut progress = Progress::new(now);
        progress.fail(now, None, 1.0);
        progress.fail(now, None, 1.0);
        let until = Some(now + Duration::from_millis(400));
        assert_eq!([progress.due(true), progress.due(false)], [until, until]);
    }

    #[test]
    fn a_success_makes_good_for_the_failures_before() {
        let now = clock::now();
        let mut progress = Progress::new(now);
        progress.fail(now, None, 1.0);
        progress.refuse(now);
        progress.succeed(now, secs(600), 0.0);
        progress.fail(now, None, 1.0);
        assert_eq!(progress.due(false), Some(now + Duration::from_millis(200)));
        assert_eq!(progress.refuse(now), now + secs(30));
    }

    #[test]
    fn after_a_refusal_nothing_is_sent_unless_somebody_asks() {
        let now = clock::now();
        let mut progress = Progress::new(now);
        let rests_until = progress.refuse(now);
        assert_eq!([progress.due(false), progress.due(true)], [None, Some(rests_until)]);
        assert_eq!(progress.refuse(now), now + secs(60));
        progress.end();
        assert_eq!(progress.due(true), None);
    }
}
