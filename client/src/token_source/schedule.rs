//! When to refresh, and how long to wait after what has failed. Pure: randomness and answers are arguments.

use std::time::Duration;

/// Sooner than this no token is refreshed by itself: near a session's end the server issues ever shorter ones.
const SHORTEST_USE: Duration = Duration::from_millis(500);

/// The wait after a first failure, and the longest.
const FIRST_WAIT: Duration = Duration::from_millis(200);
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// What a server may ask for at most: anything on the way can ask in its name.
const LONGEST_ASKED: Duration = Duration::from_secs(60);

/// How long a refused password is not presented again, at first and at most: its user may have been enabled, but failed
/// attempts are counted against it.
const FIRST_REST: Duration = Duration::from_secs(30);
const LONGEST_REST: Duration = Duration::from_secs(15 * 60);

/// What is taken off a token's lifetime: a second because its claims count whole ones and it may have been issued in the
/// middle of one, and two for its way to whoever checks it, and for clocks that differ.
const MARGIN: Duration = Duration::from_secs(3);

/// How long after it was asked for a token is handed out. Of a short lifetime three eighths are taken off at most.
pub(super) fn usable(lifetime: Duration) -> Duration {
    lifetime - MARGIN.min(lifetime * 3 / 8)
}

/// How long a fresh token is used before it is refreshed: 60 to 75 hundredths of what is usable, which leaves a
/// quarter for a server that is away. `jitter` from 0 to 1 keeps processes that started together from refreshing
/// together.
pub(super) fn use_before_refresh(usable: Duration, jitter: f64) -> Duration {
    usable.mul_f64(0.6 + 0.15 * jitter).max(SHORTEST_USE)
}

/// How long to wait after so many failures in a row, the first being 1; no less than the server asks for.
pub(super) fn wait_after(failures: u32, asked: Option<Duration>, jitter: f64) -> Duration {
    let wait = doubled(FIRST_WAIT, failures, LONGEST_WAIT).mul_f64(0.5 + 0.5 * jitter);
    // All who were told the same moment would come back at it.
    asked.map_or(wait, |asked| asked.min(LONGEST_ASKED) + wait)
}

/// How long to leave the server alone after so many refusals in a row, the first being 1.
pub(super) fn rest_after(refusals: u32) -> Duration {
    doubled(FIRST_REST, refusals, LONGEST_REST)
}

fn doubled(first: Duration, count: u32, longest: Duration) -> Duration {
    first.saturating_mul(2_u32.saturating_pow(count.saturating_sub(1))).min(longest)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    #[test]
    fn a_token_is_refreshed_while_it_is_still_good() {
        assert_eq!(use_before_refresh(secs(600), 0.0), secs(360));
        assert_eq!(use_before_refresh(secs(600), 1.0), secs(450));
    }

    #[test]
    fn no_token_is_handed_out_that_may_be_over_when_it_arrives() {
        assert_eq!([600, 8, 0].map(|lifetime| usable(secs(lifetime))), [597, 5, 0].map(secs));
        assert_eq!(usable(secs(2)), Duration::from_millis(1250));
    }

    #[test]
    fn ever_shorter_tokens_are_not_refreshed_ever_faster() {
        for usable in [Duration::ZERO, Duration::from_millis(1)] {
            assert_eq!(use_before_refresh(usable, 0.0), SHORTEST_USE);
        }
    }

    #[test]
    fn waits_double_up_to_a_bound_and_are_spread() {
        let longest: Vec<_> = [1, 2, 3, 6, 7, u32::MAX].map(|count| wait_after(count, None, 1.0)).into();
        let expected = [200, 400, 800, 6400, 10_000, 10_000].map(Duration::from_millis);
        assert_eq!(longest, expected);
        assert_eq!(wait_after(1, None, 0.0), Duration::from_millis(100));
    }

    #[test]
    fn nobody_comes_back_before_the_server_asks_for_it() {
        for jitter in [0.0, 0.5, 1.0] {
            let wait = wait_after(1, Some(secs(30)), jitter);
            assert!(wait > secs(30) && wait < secs(31), "{wait:?}");
        }
    }

    #[test]
    fn a_refused_password_is_left_alone_for_longer_each_time() {
        assert_eq!([1, 2, 3, 6, 100].map(rest_after), [30, 60, 120, 900, 900].map(secs));
    }
}
