//! How many calls a peer may make in a second, asked before any cryptography.

use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock as _, DefaultClock};
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};

use crate::domain::Network;

/// The limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerLimitConfig {
    /// Calls a second, and the burst that may come at once; `None` is no limit.
    pub calls_per_second: Option<NonZeroU32>,
    /// Whether the machine's own addresses are exempt.
    pub spare_loopback: bool,
}

/// Counts the calls of every network.
pub struct PeerLimit {
    limiter: Option<RateLimiter<Network, DashMapStateStore<Network>, DefaultClock>>,
    spare_loopback: bool,
}

impl PeerLimit {
    /// A limit with nobody counted yet.
    #[must_use]
    pub fn new(config: PeerLimitConfig) -> Self {
        let limiter = config.calls_per_second.map(|rate| RateLimiter::keyed(Quota::per_second(rate)));
        Self { limiter, spare_loopback: config.spare_loopback }
    }

    /// Counts a call, or says how long the peer has to wait.
    pub fn admit(&self, network: Network) -> Result<(), Duration> {
        let Some(limiter) = &self.limiter else { return Ok(()) };
        if self.spare_loopback && network.is_loopback() {
            return Ok(());
        }
        limiter
            .check_key(&network)
            .map_err(|not_until| not_until.wait_time_from(DefaultClock::default().now()))
    }

    /// Forgets networks whose count is back at nothing: a counter for everyone who ever called would be a leak.
    pub fn forget_idle(&self) {
        if let Some(limiter) = &self.limiter {
            limiter.retain_recent();
            limiter.shrink_to_fit();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(rate: u32, spare_loopback: bool) -> PeerLimit {
        PeerLimit::new(PeerLimitConfig { calls_per_second: NonZeroU32::new(rate), spare_loopback })
    }

    fn network(text: &str) -> Network {
        Network::of(text.parse().unwrap())
    }

    #[test]
    fn a_peer_over_its_limit_waits_and_others_do_not() {
        let limit = limit(1, true);
        assert_eq!(limit.admit(network("192.0.2.1")), Ok(()));
        assert!(limit.admit(network("192.0.2.1")).unwrap_err() <= Duration::from_secs(1));
        assert_eq!(limit.admit(network("192.0.2.2")), Ok(()));
    }

    #[test]
    fn loopback_is_spared_unless_the_limit_was_asked_for() {
        let spared = limit(1, true);
        assert!((0..10).all(|_| spared.admit(network("127.0.0.1")).is_ok()));
        let asked_for = limit(1, false);
        assert!(asked_for.admit(network("127.0.0.1")).is_ok());
        assert!(asked_for.admit(network("127.0.0.1")).is_err());
    }

    #[test]
    fn no_limit_is_no_limit() {
        let none = limit(0, false);
        assert!((0..1000).all(|_| none.admit(network("192.0.2.1")).is_ok()));
    }
}
