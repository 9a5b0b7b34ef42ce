//! The calls that wait until verifiers have applied what was revoked. Each knows whose word is missing, and is woken once:
//! when nobody's is. What verifiers do costs a look-up for each wait that is open, and their number is bounded.

use std::collections::{HashMap, HashSet};

use tokio::sync::oneshot;

use crate::domain::{Network, TrustPosition, UserId};

/// Waits at once, of everybody. With all of them open, and each for the word of 4,096 verifiers, their lists take 36 MiB.
const MOST: usize = 512;
/// Waits at once from one network.
const MOST_FROM_NETWORK: usize = 256;
/// Waits at once on one user's behalf, so that whoever has one token, be it revoked, does not take all of a network's, nor
/// with two networks those of everybody.
const MOST_OF_HOLDER: usize = 64;

/// On whose behalf something was revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holder {
    /// A user's.
    User(UserId),
    /// Whoever has a refresh token of a session that is not there any more: all of them are one. Each for itself, a user who
    /// keeps tokens of old sessions would have as many shares.
    Gone,
}

/// Who waits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Waiter {
    pub(super) network: Option<Network>,
    pub(super) holder: Option<Holder>,
}

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
    waiter: Waiter,
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
        waiter: Waiter,
        pending: HashSet<u64>,
    ) -> Result<Begun, HashSet<u64>> {
        if self.closed || !self.has_room_for(waiter) {
            return Err(pending);
        }
        let (done, told) = oneshot::channel();
        let id = self.next;
        self.next += 1;
        let mut wait = Wait { position, waiter, pending, done: Some(done) };
        wait.tell_if_over();
        self.open.insert(id, wait);
        Ok((id, told))
    }

    /// Lets a wait go on, for the word of others. Nothing if nobody waits any more.
    pub(super) fn renew(&mut self, id: u64, pending: HashSet<u64>) -> Option<oneshot::Receiver<()>> {
        let wait = self.open.get_mut(&id).filter(|_| !self.closed)?;
        let (done, told) = oneshot::channel();
        wait.pending = pending;
        wait.done = Some(done);
        Some(told)
    }

    fn has_room_for(&self, waiter: Waiter) -> bool {
        let like = |same: fn(&Waiter, &Waiter) -> bool| {
            self.open.values().filter(|wait| same(&wait.waiter, &waiter)).count()
        };
        // A password that is reset by a code is on behalf of nobody that is known here; the code works once.
        let of_holder =
            if waiter.holder.is_some() { like(|one, other| one.holder == other.holder) } else { 0 };
        self.open.len() < MOST
            && like(|one, other| one.network == other.network) < MOST_FROM_NETWORK
            && of_holder < MOST_OF_HOLDER
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
        self.tell_if_over();
    }

    fn tell_if_over(&mut self) {
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
        let (id, mut told) = waits.begin(at(5), Waiter::default(), leases(1..=4)).unwrap();
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

    fn waiter(network: &str, user: Option<u128>) -> Waiter {
        let holder = user.map(|user| Holder::User(UserId::from_uuid(uuid::Uuid::from_u128(user))));
        Waiter { network: Some(Network::of(network.parse().unwrap())), holder }
    }

    #[test]
    fn one_network_has_its_share_of_the_waits_and_all_together_have_a_bound() {
        let mut waits = Waits::default();
        let begin = |waits: &mut Waits, network: &str| waits.begin(at(1), waiter(network, None), leases([1]));
        let begun: Vec<_> = (0..MOST_FROM_NETWORK)
            .map(|host| begin(&mut waits, &format!("2001:db8:1:2::{host:x}")).unwrap())
            .collect();
        assert_eq!(begin(&mut waits, "2001:db8:1:2:ffff::1").unwrap_err(), leases([1]));
        for _ in MOST_FROM_NETWORK..MOST {
            begin(&mut waits, "2001:db8:1:3::1").unwrap();
        }
        begin(&mut waits, "192.0.2.3").unwrap_err();
        waits.end(begun[0].0);
        begin(&mut waits, "192.0.2.3").unwrap();
    }

    #[test]
    fn one_user_has_a_share_of_the_waits_wherever_they_come_from() {
        let mut waits = Waits::default();
        for host in 0..MOST_OF_HOLDER {
            waits.begin(at(1), waiter(&format!("192.0.2.{host}"), Some(7)), leases([1])).unwrap();
        }
        waits.begin(at(1), waiter("198.51.100.1", Some(7)), leases([1])).unwrap_err();
        waits.begin(at(1), waiter("192.0.2.1", Some(8)), leases([1])).unwrap();
        for _ in 0..MOST_OF_HOLDER {
            waits.begin(at(1), waiter("192.0.2.1", None), leases([1])).unwrap();
        }
    }

    #[test]
    fn nobody_waits_for_a_server_that_goes_away() {
        let mut waits = Waits::default();
        let (_, mut told) = waits.begin(at(1), Waiter::default(), leases([1])).unwrap();
        waits.close();
        told.try_recv().unwrap();
        waits.begin(at(1), Waiter::default(), leases([1])).unwrap_err();
    }
}
