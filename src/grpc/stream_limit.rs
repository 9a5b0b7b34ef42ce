//! How many streams a network may keep open: they live as long as their caller likes, and each holds a place among the
//! calls that run at once.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, PoisonError};

use crate::domain::Network;

/// Streams at once, of everybody.
const MAX_STREAMS: usize = 4_096;
/// Streams at once of one network.
const MAX_STREAMS_PER_NETWORK: usize = 128;

/// Counts open streams; a cheap handle.
#[derive(Clone, Default)]
pub(super) struct StreamLimit(Arc<Mutex<HashMap<Network, usize>>>);

/// An open stream, counted until this is dropped.
pub(super) struct OpenStream {
    limit: StreamLimit,
    network: Network,
}

impl StreamLimit {
    /// Counts a stream; `None` if there are too many.
    pub(super) fn open(&self, network: Network) -> Option<OpenStream> {
        let mut streams = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of_network = streams.get(&network).copied().unwrap_or(0);
        if of_network >= MAX_STREAMS_PER_NETWORK || streams.values().sum::<usize>() >= MAX_STREAMS {
            return None;
        }
        *streams.entry(network).or_default() += 1;
        Some(OpenStream { limit: self.clone(), network })
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        let mut streams = self.limit.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Entry::Occupied(mut entry) = streams.entry(self.network) {
            *entry.get_mut() -= 1;
            if *entry.get() == 0 {
                entry.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_keeps_its_share_of_streams_open_and_no_more() {
        let limit = StreamLimit::default();
        let network = |last: u8| Network::of([192, 0, 2, last].into());
        let mut open: Vec<_> =
            (0..MAX_STREAMS_PER_NETWORK).map(|_| limit.open(network(1)).unwrap()).collect();
        assert!(limit.open(network(1)).is_none());
        assert!(limit.open(network(2)).is_some());
        open.pop();
        assert!(limit.open(network(1)).is_some());
        drop(open);
        assert!(limit.0.lock().unwrap().is_empty());
    }
}
