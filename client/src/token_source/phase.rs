//! When the background task makes its next attempt. Pure.
//!
//! ```text
//! Waiting ──> Fresh ──> Waiting …      a failure that may pass, then a token
//!    │          │
//!    └──────────┴──> Refused ──> Fresh      only if somebody asks, and not before its rest is over
//! any ──> Over      signed out, or refused with nothing left to try
//! ```

use tokio::time::Instant;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// The next attempt is due at a moment, whoever asks.
    Waiting { until: Instant },
    /// There is a token. It is refreshed ahead of its expiry, or when somebody has been refused with it; then not sooner
    /// than `not_before`, so that a service which refuses every token does not cause a refresh a call.
    Fresh { refresh_at: Instant, not_before: Instant },
    /// The server refused.
    Refused { rests_until: Instant },
    /// There is nothing left to attempt.
    Over,
}

impl Phase {
    /// When to make an attempt, given whether anybody wants more than there is; `None` is not at all.
    pub(super) fn due(self, wanted: bool) -> Option<Instant> {
        match self {
            Self::Waiting { until } => Some(until),
            Self::Fresh { refresh_at, not_before } if wanted => Some(refresh_at.min(not_before)),
            Self::Fresh { refresh_at, .. } => Some(refresh_at),
            Self::Refused { rests_until } => wanted.then_some(rests_until),
            Self::Over => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::clock;
    use super::*;

    #[test]
    fn a_token_is_refreshed_ahead_of_expiry_or_when_it_was_refused() {
        let now = clock::now();
        let later = now + Duration::from_secs(360);
        let phase = Phase::Fresh { refresh_at: later, not_before: now };
        assert_eq!(phase.due(false), Some(later));
        assert_eq!(phase.due(true), Some(now));
    }

    #[test]
    fn callers_do_not_hurry_attempts_that_failed() {
        let until = clock::now();
        assert_eq!(Phase::Waiting { until }.due(true), Phase::Waiting { until }.due(false));
    }

    #[test]
    fn after_a_refusal_nothing_is_sent_unless_somebody_asks() {
        let rests_until = clock::now();
        assert_eq!(Phase::Refused { rests_until }.due(false), None);
        assert_eq!(Phase::Refused { rests_until }.due(true), Some(rests_until));
        assert_eq!(Phase::Over.due(true), None);
    }
}
