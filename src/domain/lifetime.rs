//! How long an access token lives: what was asked for, within what is allowed.

use std::time::Duration;

use super::Timestamp;

/// The configured lifetimes of access tokens.
#[derive(Clone, Copy, Debug)]
pub struct Lifetimes {
    /// For those who ask for none.
    pub default: Duration,
    /// What longer wishes are shortened to, and how long after a password or refresh a chain of renewals ends.
    pub max: Duration,
}

/// A lifetime of zero or less was asked for.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
#[error("must be more than zero; leave it unset for the default")]
pub struct LifetimeError;

impl Lifetimes {
    /// The span that a token gets when `asked` was asked for. `Duration` has no negative values, so that a caller
    /// turns those into zero. Less than a second is a second: claims have whole ones.
    pub fn grant(&self, asked: Option<Duration>) -> Result<Duration, LifetimeError> {
        match asked {
            None => Ok(self.default),
            Some(Duration::ZERO) => Err(LifetimeError),
            Some(span) => Ok(Duration::from_secs(span.as_secs().max(1)).min(self.max)),
        }
    }

    /// The last moment to which a renewed token may live: neither the session's end nor the last proof of identity
    /// plus the longest lifetime is passed, however often a token is exchanged for another.
    #[must_use]
    pub fn renewal_limit(&self, auth_time: Timestamp, session_end: Timestamp) -> Timestamp {
        auth_time.floor_to_second().plus(self.max).min(session_end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIFETIMES: Lifetimes =
        Lifetimes { default: Duration::from_secs(600), max: Duration::from_secs(3600) };

    #[test]
    fn a_wish_is_granted_up_to_the_longest_lifetime() {
        let grant = |asked: Option<u64>| LIFETIMES.grant(asked.map(Duration::from_secs));
        assert_eq!(grant(None), Ok(Duration::from_secs(600)));
        assert_eq!(grant(Some(30)), Ok(Duration::from_secs(30)));
        assert_eq!(grant(Some(86_400)), Ok(Duration::from_secs(3600)));
        assert_eq!(grant(Some(0)), Err(LifetimeError));
        assert_eq!(LIFETIMES.grant(Some(Duration::from_millis(1))), Ok(Duration::from_secs(1)));
    }

    #[test]
    fn a_renewal_passes_neither_the_session_nor_the_longest_lifetime() {
        let at = |secs: i64| Timestamp::from_millis(secs * 1000);
        assert_eq!(LIFETIMES.renewal_limit(at(0), at(100)), at(100));
        assert_eq!(LIFETIMES.renewal_limit(at(0), at(100_000)), at(3600));
    }
}
