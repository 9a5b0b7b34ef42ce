//! The calls that wait until verifiers have applied what was revoked. Each knows whose word is missing, and is woken once:
//! when nobody's is. What verifiers do costs a look-up for each wait that is open, and their number is bounded.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

use tokio::sync::oneshot;

use crate::domain::TrustPosition;

/// Waits at once, of everybody. With all of them open, and each for the word of 4,096 verifiers, their lists take 36 MiB.
const MOST: usize = 512;
/// Waits at once from one address.
const MOST_FROM_ADDRESS: usize = 256;

/// The waits that are open.
#[derive(Debug, Default)]
pub(super) struct Waits {
    next: u64,
    open: HashMap<u64, Wait>,
    /// Nobody waits any more: the server is going away.
    closed: bool,
}

#[derive(Debug)]
struct Wait {
    position: TrustPosition,
    from: Option<IpAddr>,
    /// The leases whose verifiers' word is missing.
    pending: HashSet<u64>,
    done: Option<oneshot::Sender<()>>,
}

/// A wait that has begun: its number, and what tells that it is over.
pub(super) type Begun = (u64, oneshot::Receiver<()>);

impl Waits {
    /// Begins to wait; gives `pending` back if there is no room, or nobody waits any more.
    pub(super) fn begin(
        &mut self,
        position: TrustPosition,
        from: Option<IpAddr>,
        pending: HashSet<u64>,
    ) -> Result<Begun, HashSet<u64>> {
        let from_there = self.open.values().filter(|wait| wait.from == from).count();
        if self.closed || self.open.len() >= MOST || from_there >= MOST_FROM_ADDRESS {
            return Err(pending);
        }
        let (done, told) = oneshot::channel();
        let id = self.next;
        self.next += 1;
        self.open.insert(id, Wait { position, from, pending, done: Some(done) });
        Ok((id, told))
    }

    /// Ends a wait. Whose word was missing.
    pub(super) fn end(&mut self, id: u64) -> HashSet<u64> {
        self.open.remove(&id).map(|wait| wait.pending).unwrap_or_default()
    }

    /// A verifier has applied everything up to `applied`.
    pub(super) fn note_applied(&mut self, lease: u64, applied: TrustPosition) {
        for wait in self.open.values_mut().filter(|wait| applied.covers(wait.position)) {
            wait.strike(lease);
        }
    }

    /// A verifier accepts nothing any more by what it knew.
    pub(super) fn note_ended(&mut self, lease: u64) {
        self.open.values_mut().for_each(|wait| wait.strike(lease));
    }

    /// Whoever waits for `lease` waits for `other` from now on.
    pub(super) fn replace(&mut self, lease: u64, other: u64) {
        for wait in self.open.values_mut() {
            if wait.pending.remove(&lease) {
                wait.pending.insert(other);
            }
        }
    }

    /// Lets nobody wait any more.
    pub(super) fn close(&mut self) {
        self.closed = true;
        self.open.values_mut().for_each(Wait::tell);
    }
}

impl Wait {
    fn strike(&mut self, lease: u64) {
        self.pending.remove(&lease);
        if self.pending.is_empty() {
            self.tell();
        }
    }

    fn tell(&mut self) {
        // Whoever waited may be gone.
        let _told = self.done.take().map(|done| done.send(()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(sequence: i64) -> TrustPosition {
        TrustPosition { incarnation: [1; 16], sequence }
    }

    fn leases(ids: impl IntoIterator<Item = u64>) -> HashSet<u64> {
        ids.into_iter().collect()
    }

    #[test]
    fn a_wait_is_woken_once_nobodys_word_is_missing_and_not_before() {
        let mut waits = Waits::default();
        let (id, mut told) = waits.begin(at(5), None, leases(1..=4)).unwrap();
        waits.note_applied(1, at(5));
        waits.note_applied(2, at(4));
        waits.note_applied(2, TrustPosition { incarnation: [2; 16], sequence: 9 });
        waits.note_ended(3);
        waits.replace(4, 7);
        assert!(told.try_recv().is_err());
        assert_eq!(waits.open[&id].pending, leases([2, 7]));
        waits.note_applied(2, at(6));
        waits.note_ended(7);
        told.try_recv().unwrap();
        assert!(waits.end(id).is_empty());
    }

    #[test]
    fn one_address_has_its_share_of_the_waits_and_all_together_have_a_bound() {
        let mut waits = Waits::default();
        let from = |last: u8| Some(IpAddr::from([192, 0, 2, last]));
        let begun: Vec<_> =
            (0..MOST_FROM_ADDRESS).map(|_| waits.begin(at(1), from(1), leases([1])).unwrap()).collect();
        assert_eq!(waits.begin(at(1), from(1), leases([1])).unwrap_err(), leases([1]));
        for _ in MOST_FROM_ADDRESS..MOST {
            waits.begin(at(1), from(2), leases([1])).unwrap();
        }
        waits.begin(at(1), from(3), leases([1])).unwrap_err();
        waits.end(begun[0].0);
        waits.begin(at(1), from(3), leases([1])).unwrap();
    }

    #[test]
    fn nobody_waits_for_a_server_that_goes_away() {
        let mut waits = Waits::default();
        let (_, mut told) = waits.begin(at(1), None, leases([1])).unwrap();
        waits.close();
        told.try_recv().unwrap();
        waits.begin(at(1), None, leases([1])).unwrap_err();
    }
}
