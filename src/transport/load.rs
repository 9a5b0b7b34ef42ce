//! What runs at once, of everybody and of one network: calls, and the bytes of messages that have begun to arrive. Before
//! authentication all of it is a stranger's, and half of a message costs its sender nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Calls at once, of everybody.
const MAX_CALLS: usize = 32_768;
/// Calls at once of one network. A proxy in front is one network.
const MAX_CALLS_PER_NETWORK: usize = 8_192;
/// Counted bytes at once, of everybody.
const MAX_BYTES: usize = 128 << 20;
/// Counted bytes at once of one network.
const MAX_BYTES_PER_NETWORK: usize = 32 << 20;
/// No call counts for more bytes: a stream's messages are read and gone, and what it has received in its life says
/// nothing about what it holds. A message is at most four times as large.
const MAX_BYTES_PER_CALL: usize = 16 << 10;

/// A request of a network that has too much running already; the door refuses it.
#[derive(Clone, Copy, Debug)]
pub struct Crowded;

/// The counts of everybody, or of one network.
#[derive(Default)]
pub(super) struct Counts {
    calls: AtomicUsize,
    bytes: AtomicUsize,
}

/// The counts that a connection's calls go into.
#[derive(Clone)]
pub(super) struct Load {
    pub(super) all: Arc<Counts>,
    pub(super) network: Arc<Counts>,
}

/// A running call, counted until this is dropped.
pub(super) struct CountedCall(Load);

/// The bytes of a running call's message, counted until this is dropped.
pub(super) struct CountedBytes {
    load: Load,
    counted: usize,
}

impl Load {
    /// Counts a call; `None` if there are too many.
    pub(super) fn start_call(&self) -> Option<CountedCall> {
        let (all, network) = (&self.all.calls, &self.network.calls);
        let fits = all.fetch_add(1, Ordering::Relaxed) < MAX_CALLS;
        let fits = network.fetch_add(1, Ordering::Relaxed) < MAX_CALLS_PER_NETWORK && fits;
        let call = CountedCall(self.clone());
        fits.then_some(call)
    }

    pub(super) fn count_bytes(&self) -> CountedBytes {
        CountedBytes { load: self.clone(), counted: 0 }
    }
}

impl Drop for CountedCall {
    fn drop(&mut self) {
        self.0.all.calls.fetch_sub(1, Ordering::Relaxed);
        self.0.network.calls.fetch_sub(1, Ordering::Relaxed);
    }
}

impl CountedBytes {
    /// Counts bytes that have arrived; false if there are too many.
    pub(super) fn add(&mut self, bytes: usize) -> bool {
        let more = bytes.min(MAX_BYTES_PER_CALL - self.counted);
        self.counted += more;
        let (all, network) = (&self.load.all.bytes, &self.load.network.bytes);
        let fits = all.fetch_add(more, Ordering::Relaxed) + more <= MAX_BYTES;
        network.fetch_add(more, Ordering::Relaxed) + more <= MAX_BYTES_PER_NETWORK && fits
    }
}

impl Drop for CountedBytes {
    fn drop(&mut self) {
        self.load.all.bytes.fetch_sub(self.counted, Ordering::Relaxed);
        self.load.network.bytes.fetch_sub(self.counted, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(of: &Load) -> Load {
        Load { all: Arc::clone(&of.all), network: Arc::default() }
    }

    fn nobody() -> Load {
        Load { all: Arc::default(), network: Arc::default() }
    }

    #[test]
    fn a_network_runs_its_share_of_calls_and_no_more() {
        let one = nobody();
        let mut calls: Vec<_> = (0..MAX_CALLS_PER_NETWORK).map(|_| one.start_call().unwrap()).collect();
        assert!(one.start_call().is_none());
        assert!(network(&one).start_call().is_some());
        calls.pop();
        assert!(one.start_call().is_some(), "a refused call counts for nothing, a finished one makes room");
    }

    #[test]
    fn half_sent_messages_fill_a_networks_share_and_no_more() {
        let one = nobody();
        let hold = |load: &Load| {
            let mut bytes = load.count_bytes();
            bytes.add(60_000).then_some(bytes)
        };
        let held: Vec<_> = std::iter::from_fn(|| hold(&one)).collect();
        assert_eq!(held.len(), MAX_BYTES_PER_NETWORK / MAX_BYTES_PER_CALL);
        assert!(hold(&network(&one)).is_some());
        drop(held);
        assert!(hold(&one).is_some());
        assert_eq!(one.all.bytes.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn a_long_stream_counts_for_no_more_than_one_message() {
        let one = nobody();
        let mut stream = one.count_bytes();
        assert!((0..100_000).all(|_| stream.add(1000)));
        assert_eq!(one.network.bytes.load(Ordering::Relaxed), MAX_BYTES_PER_CALL);
    }
}
