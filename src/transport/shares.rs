//! What each network has running: one share a network, whoever brings its calls, for as long as anything counts in it.

use std::collections::HashMap;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use crate::domain::Network;

/// The counts of everybody, or of one network.
#[derive(Default)]
pub(super) struct Counts {
    pub(super) calls: AtomicUsize,
    pub(super) bytes: AtomicUsize,
}

/// The shares of all networks.
#[derive(Default)]
pub(super) struct Shares {
    all: Counts,
    of_networks: Mutex<HashMap<Network, Weak<Share>>>,
}

/// The share of one network. It is forgotten with the last call, body or connection that counts in it: one for everyone who
/// ever called, or was named by a proxy, would be a leak.
pub(super) struct Share {
    shares: Arc<Shares>,
    network: Network,
    pub(super) own: Counts,
}

impl Shares {
    /// The share of a network, the same one for all that ask at a time.
    pub(super) fn of(self: &Arc<Self>, network: Network) -> Arc<Share> {
        let mut of_networks = self.lock();
        if let Some(share) = of_networks.get(&network).and_then(Weak::upgrade) {
            return share;
        }
        let share = Arc::new(Share { shares: Arc::clone(self), network, own: Counts::default() });
        of_networks.insert(network, Arc::downgrade(&share));
        share
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Network, Weak<Share>>> {
        self.of_networks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Share {
    /// The counts of everybody.
    pub(super) fn all(&self) -> &Counts {
        &self.shares.all
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut of_networks = self.shares.lock();
        // Between the end of this one and this line, another may have taken its place.
        if of_networks.get(&self.network).is_some_and(|share| share.strong_count() == 0) {
            of_networks.remove(&self.network);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(text: &str) -> Network {
        Network::of(text.parse().unwrap())
    }

    #[test]
    fn a_network_has_one_share_as_long_as_somebody_counts_in_it() {
        let shares = Arc::new(Shares::default());
        let one = shares.of(network("2001:db8:1:2::1"));
        assert!(Arc::ptr_eq(&one, &shares.of(network("2001:db8:1:2:ffff::9"))));
        assert!(!Arc::ptr_eq(&one, &shares.of(network("2001:db8:1:3::1"))));
        assert_eq!(shares.lock().len(), 1, "who counts nothing any more is forgotten");
        drop(one);
        assert!(shares.lock().is_empty());
    }
}
