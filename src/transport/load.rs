//! What runs at once, of everybody and of one network: calls, and the bytes of messages that have begun to arrive. Before
//! authentication all of it is a stranger's, and half of a message costs its sender nothing.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::shares::Share;

/// Calls at once, of everybody.
const MAX_CALLS: usize = 32_768;
/// Calls at once of one network.
const MAX_CALLS_PER_NETWORK: usize = 2_048;
/// Bytes at once of messages on their way in, of everybody.
const MAX_BYTES: usize = 128 << 20;
/// The same of one network.
const MAX_BYTES_PER_NETWORK: usize = 16 << 20;
/// The largest message that is read; a larger one is refused when its length has come.
const MAX_MESSAGE: usize = 64 << 10;
/// A message's flag and length, in front of it.
const PREFIX: usize = 5;

/// A request of a network that has too much running already; the door refuses it.
#[derive(Clone, Copy, Debug)]
pub struct Crowded;

/// A running call, counted until this is dropped.
pub(super) struct CountedCall(Arc<Share>);

/// How a request's body is made of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// Each has its length in front of it.
    Prefixed,
    /// In a way that is not followed here: base64, or text.
    Opaque,
}

/// The message of a call that is on its way in. It counts for the length that it declares, from the moment that this has
/// come, because the decoder sets aside that much; and for nothing once it is complete. One that is not followed counts for
/// the largest, from the beginning until nobody reads on.
pub(super) struct IncomingMessage {
    share: Arc<Share>,
    framing: Framing,
    /// Whether there was room from the beginning.
    fits: bool,
    prefix: [u8; PREFIX],
    prefix_filled: usize,
    missing: usize,
    counted: usize,
    /// How many messages are complete.
    complete: usize,
}

impl Share {
    /// Counts a call; `None` if there are too many.
    pub(super) fn start_call(self: &Arc<Self>) -> Option<CountedCall> {
        let (all, network) = (&self.all().calls, &self.own.calls);
        let fits = all.fetch_add(1, Ordering::Relaxed) < MAX_CALLS;
        let fits = network.fetch_add(1, Ordering::Relaxed) < MAX_CALLS_PER_NETWORK && fits;
        let call = CountedCall(Arc::clone(self));
        fits.then_some(call)
    }

    /// The message of a body that has one.
    pub(super) fn expect_message(self: &Arc<Self>, framing: Framing) -> IncomingMessage {
        let mut message = IncomingMessage {
            share: Arc::clone(self),
            framing,
            fits: true,
            prefix: [0; PREFIX],
            prefix_filled: 0,
            missing: 0,
            counted: 0,
            complete: 0,
        };
        if framing == Framing::Opaque {
            message.fits = message.count(MAX_MESSAGE);
        }
        message
    }
}

impl Drop for CountedCall {
    fn drop(&mut self) {
        self.0.all().calls.fetch_sub(1, Ordering::Relaxed);
        self.0.own.calls.fetch_sub(1, Ordering::Relaxed);
    }
}

impl IncomingMessage {
    /// Whether there is room for what is known of it before any of it has come.
    pub(super) fn fits(&self) -> bool {
        self.fits
    }

    /// How many messages have come whole.
    pub(super) fn complete(&self) -> usize {
        self.complete
    }

    /// Whether one is overdue to come that its sender owes: the first, or the rest of one that has begun. Between two messages
    /// of a stream nobody owes anything.
    pub(super) fn is_owed(&self) -> bool {
        self.complete == 0 || self.prefix_filled > 0
    }

    /// Takes note of bytes that have arrived; false if too much is on its way in.
    pub(super) fn arrive(&mut self, mut bytes: &[u8]) -> bool {
        if self.framing == Framing::Opaque {
            return true;
        }
        while !bytes.is_empty() {
            if self.prefix_filled < PREFIX {
                let taken = bytes.len().min(PREFIX - self.prefix_filled);
                self.prefix[self.prefix_filled..self.prefix_filled + taken].copy_from_slice(&bytes[..taken]);
                self.prefix_filled += taken;
                bytes = &bytes[taken..];
                if self.prefix_filled == PREFIX && !self.begin() {
                    return false;
                }
            } else {
                let taken = bytes.len().min(self.missing);
                self.missing -= taken;
                bytes = &bytes[taken..];
            }
            if self.prefix_filled == PREFIX && self.missing == 0 {
                self.end();
                self.complete += 1;
            }
        }
        true
    }

    fn begin(&mut self) -> bool {
        let [_, length @ ..] = self.prefix;
        self.missing = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
        self.count(self.missing.min(MAX_MESSAGE))
    }

    /// What does not fit counts for nothing: it is refused, and what still comes of it is thrown away as it comes.
    fn count(&mut self, bytes: usize) -> bool {
        self.counted = bytes;
        let (all, network) = (&self.share.all().bytes, &self.share.own.bytes);
        let fits = all.fetch_add(self.counted, Ordering::Relaxed) + self.counted <= MAX_BYTES;
        let fits = network.fetch_add(self.counted, Ordering::Relaxed) + self.counted <= MAX_BYTES_PER_NETWORK
            && fits;
        if !fits {
            self.end();
            self.framing = Framing::Opaque;
        }
        fits
    }

    fn end(&mut self) {
        self.share.all().bytes.fetch_sub(self.counted, Ordering::Relaxed);
        self.share.own.bytes.fetch_sub(self.counted, Ordering::Relaxed);
        (self.counted, self.prefix_filled) = (0, 0);
    }
}

impl Drop for IncomingMessage {
    fn drop(&mut self) {
        self.end();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Network;
    use crate::transport::shares::Shares;

    fn two_networks() -> [Arc<Share>; 2] {
        let shares = Arc::new(Shares::default());
        [1, 2].map(|last| shares.of(Network::of([192, 0, 2, last].into())))
    }

    #[test]
    fn a_network_runs_its_share_of_calls_and_no_more() {
        let [one, other] = two_networks();
        let mut calls: Vec<_> = (0..MAX_CALLS_PER_NETWORK).map(|_| one.start_call().unwrap()).collect();
        assert!(one.start_call().is_none());
        assert!(other.start_call().is_some());
        calls.pop();
        assert!(one.start_call().is_some(), "a refused call counts for nothing, a finished one makes room");
    }

    fn prefix(length: u32) -> Vec<u8> {
        let mut prefix = vec![0];
        prefix.extend(length.to_be_bytes());
        prefix
    }

    #[test]
    fn announced_messages_fill_a_networks_share_and_no_more() {
        let [one, other] = two_networks();
        let announce = |share: &Arc<Share>| {
            let mut message = share.expect_message(Framing::Prefixed);
            message.arrive(&prefix(64 << 10)).then_some(message)
        };
        let held: Vec<_> = std::iter::from_fn(|| announce(&one)).collect();
        assert_eq!(held.len(), MAX_BYTES_PER_NETWORK / MAX_MESSAGE);
        assert!(announce(&other).is_some());
        drop(held);
        assert!(announce(&one).is_some());
        assert_eq!(one.all().bytes.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn a_body_that_is_not_followed_counts_for_the_largest_message_until_nobody_reads_on() {
        let [one, _] = two_networks();
        let mut body = one.expect_message(Framing::Opaque);
        assert!(body.fits() && body.arrive(b"{") && body.arrive(b"}"));
        assert_eq!(one.own.bytes.load(Ordering::Relaxed), MAX_MESSAGE);
        let others: Vec<_> = std::iter::from_fn(|| {
            let other = one.expect_message(Framing::Opaque);
            other.fits().then_some(other)
        })
        .collect();
        assert_eq!(others.len() + 1, MAX_BYTES_PER_NETWORK / MAX_MESSAGE);
        drop((body, others));
        assert_eq!(one.all().bytes.load(Ordering::Relaxed), 0);
    }

    /// Who has more than its share on its way is refused, and the refused ones may still be read for a while.
    #[test]
    fn what_does_not_fit_takes_nobody_elses_room() {
        let [one, other] = two_networks();
        let refused: Vec<_> = (0..2 * MAX_BYTES / MAX_MESSAGE)
            .map(|number| {
                let framing = if number % 2 == 0 { Framing::Opaque } else { Framing::Prefixed };
                let mut message = one.expect_message(framing);
                message.arrive(&prefix(64 << 10));
                message
            })
            .collect();
        let mut others = other.expect_message(Framing::Prefixed);
        assert!(others.arrive(&prefix(64 << 10)) && other.expect_message(Framing::Opaque).fits());
        drop((refused, others));
        assert_eq!(one.all().bytes.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn messages_that_have_come_count_for_nothing_however_they_were_cut() {
        let [one, _] = two_networks();
        let stream: Vec<u8> = (0..100).flat_map(|n| [prefix(n), vec![7; n as usize]].concat()).collect();
        for piece in [1, 2, 3, 5, 7, 64, 10_000] {
            let mut messages = one.expect_message(Framing::Prefixed);
            assert!(stream.chunks(piece).all(|bytes| messages.arrive(bytes)));
            assert_eq!(one.own.bytes.load(Ordering::Relaxed), 0, "{piece}");
            assert!((messages.complete(), messages.is_owed()) == (100, false), "{piece}");
            assert!(messages.arrive(&prefix(1000)) && messages.arrive(&[7; 999]));
            assert!((messages.complete(), messages.is_owed()) == (100, true), "{piece}");
            assert_eq!(one.own.bytes.load(Ordering::Relaxed), 1000, "{piece}");
        }
        assert_eq!(one.all().bytes.load(Ordering::Relaxed), 0);
    }
}
