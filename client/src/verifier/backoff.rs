//! How long to wait before a server is called again: at random up to a bound that doubles each time, so that the many who
//! lost it together do not come back together.

use std::time::Duration;

/// What the first bound is.
const FIRST: Duration = Duration::from_millis(100);
/// No wait is longer while the server is out of reach: what is known gets old meanwhile.
const LONGEST: Duration = Duration::from_secs(3);
/// No wait is shorter where the server has refused the caller: to ask again changes little.
const REFUSED_SHORTEST: Duration = Duration::from_secs(1);
/// No wait is longer then.
const REFUSED_LONGEST: Duration = Duration::from_secs(30);

/// The attempts since the last one that went well.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// How long to wait after one more failure. `random` is anything, equally likely.
    pub(super) fn after_failure(&mut self, refused: bool, random: u64) -> Duration {
        let doubled = 1_u32.checked_shl(self.failures).unwrap_or(u32::MAX);
        self.failures = self.failures.saturating_add(1);
        if refused {
            let bound = REFUSED_SHORTEST.saturating_mul(doubled).min(REFUSED_LONGEST);
            return REFUSED_SHORTEST + share(bound.saturating_sub(REFUSED_SHORTEST), random);
        }
        share(FIRST.saturating_mul(doubled).min(LONGEST), random)
    }

    /// It went well: the next failure is the first.
    pub(super) fn reset(&mut self) {
        self.failures = 0;
    }
}

/// As much of `bound` as `random` is of all that it could be.
fn share(bound: Duration, random: u64) -> Duration {
    let share = (bound.as_nanos() * u128::from(random)) >> 64;
    Duration::from_nanos(u64::try_from(share).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_bound_and_begin_anew_after_success() {
        for (refused, shortest, first, longest) in [
            (false, Duration::ZERO, FIRST, LONGEST),
            (true, REFUSED_SHORTEST, REFUSED_SHORTEST, REFUSED_LONGEST),
        ] {
            let mut backoff = Backoff::default();
            let waits: Vec<_> = (0..100).map(|_| backoff.after_failure(refused, u64::MAX)).collect();
            assert!(waits[0] <= first && waits.is_sorted() && waits[1] > waits[0]);
            assert!(waits[99] <= longest && waits[99] > longest / 10 * 9);
            assert_eq!(backoff.after_failure(refused, 0), shortest);
            backoff.reset();
            assert_eq!(backoff.after_failure(refused, u64::MAX), waits[0]);
        }
    }

    #[test]
    fn those_who_fail_together_come_back_apart() {
        let waits: Vec<_> =
            (0..8_u64).map(|share| Backoff { failures: 9 }.after_failure(false, share << 61)).collect();
        assert!(waits.is_sorted_by(|one, next| *next - *one > Duration::from_millis(300)), "{waits:?}");
    }
}
