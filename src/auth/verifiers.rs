//! The verifiers that watch the trust log here: who they are, what they have applied, and until when each may accept tokens
//! by what it knows. Owns the leases and the wait for acknowledgements; what is sent to them is `watch_trust`'s.
//!
//! ```text
//! hello ──▶ connected ── silent for max_staleness ──▶ overdue: asked to go, then dropped
//!             │  └ says goodbye ──────────────────▶ gone
//!             └ connection lost ──▶ absent ── reconnects, or its lease ends ──▶ gone
//!                                     └ its place is needed ──▶ displaced: counted, no longer named
//! ```

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, oneshot};
use tokio::time::timeout_at;
use tokio_util::sync::CancellationToken;

use self::sharing::Unshared;
use super::Error;
use super::verifier_lease::{Ends, Lease, LeaseId, Shared, ShownVerifier, VerifierHello, monotonic_now};
use super::verifier_waits::{Waiter, Waits};
use crate::domain::{Timestamp, TrustPosition, UserId};
use crate::store::LeaseKey;

mod sharing;

/// Verifiers at once, of everybody.
const MOST: usize = 4_096;
/// Verifiers at once of one user, so that whoever has stolen one's credentials leaves room for others.
const MOST_OF_USER: usize = 2_048;
/// When it is worth coming back for one who finds no room.
const RETRY_AFTER: Duration = Duration::from_secs(5);
/// How long after it was asked to go a verifier that does not read is dropped.
const PATIENCE: Duration = Duration::from_secs(5);
/// What stands for all displaced leases where others are told apart by their numbers.
const DISPLACED: u64 = u64::MAX;

/// All verifiers.
#[derive(Debug)]
pub(super) struct Verifiers {
    leases: Mutex<Leases>,
    /// For how long a token may be good.
    longest_token: Duration,
    /// Woken when there is something that other replicas should know.
    changed: Notify,
    /// Woken when a stream waits until they know of it.
    joined: Notify,
    /// Cancelled when nobody is to wait any more.
    closing: CancellationToken,
}

/// The verifiers whose word is missing.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Missing {
    pub(super) count: usize,
    /// The names of those that have not been displaced.
    pub(super) names: Vec<String>,
}

#[derive(Debug, Default)]
struct Leases {
    next: u64,
    by_id: HashMap<u64, Lease>,
    /// The incarnation of the log of which it has been said that it holds less than a verifier has seen.
    told_of_loss: Option<[u8; 16]>,
    displaced: Option<Displaced>,
    waits: Waits,
    unshared: Unshared,
}

/// Leases of absent verifiers whose places were needed. Such a verifier may still accept tokens by what it knows, so calls
/// wait for the last of these leases to end.
#[derive(Clone, Copy, Debug)]
struct Displaced {
    count: usize,
    until: Instant,
}

/// The verifiers whose word was missing when a wait could not begin.
#[derive(Debug)]
pub(super) struct Lacking(HashSet<u64>);

/// A wait that is open; it ends when this is dropped, whoever drops it.
#[derive(Debug)]
pub(super) struct Waiting<'a> {
    verifiers: &'a Verifiers,
    id: u64,
    position: TrustPosition,
    told: oneshot::Receiver<()>,
}

impl Verifiers {
    /// None yet.
    pub(super) fn new(longest_token: Duration) -> Self {
        Self {
            leases: Mutex::default(),
            longest_token,
            changed: Notify::new(),
            joined: Notify::new(),
            closing: CancellationToken::new(),
        }
    }

    /// Takes a verifier in. If its process was here before, it goes on with its lease: whoever waits for its word waits on.
    /// Its id, and how its stream is told to end.
    pub(super) fn admit(
        &self,
        key: LeaseKey,
        hello: &VerifierHello,
        address: Option<IpAddr>,
        (wall, now): (Timestamp, Instant),
    ) -> Result<(LeaseId, Ends), Error> {
        let mut leases = self.lock();
        let stream = leases.next;
        leases.next += 1;
        let known = leases.by_id.iter().find(|(_, lease)| lease.is_of(key, hello)).map(|(id, _)| *id);
        if known.is_none() && !leases.make_room_for(key.user_id, now) {
            return Err(Error::TooManyVerifiers { retry_after: RETRY_AFTER });
        }
        let (id, ends) = (LeaseId { lease: known.unwrap_or(stream), stream }, Ends::default());
        let lease = Lease {
            stream,
            key,
            instance: hello.instance.clone(),
            address,
            max_staleness: hello.max_staleness,
            accepts_signed: hello.accepts_signed,
            accepts_for: if hello.accepts_signed { self.longest_token } else { hello.max_staleness },
            connected_at: wall,
            connected: true,
            heard: now,
            applied: hello.resume,
            ends: ends.clone(),
            shared: Shared::Not,
        };
        if let Some(earlier) = leases.by_id.insert(id.lease, lease) {
            earlier.ends.abandoned.cancel();
        }
        if let Some(resume) = hello.resume {
            leases.waits.note_applied(id.lease, resume);
        }
        Ok((id, ends))
    }

    /// Takes a report.
    pub(super) fn acknowledge(&self, id: LeaseId, applied: Option<TrustPosition>, now: Instant) {
        let mut leases = self.lock();
        let Some(lease) = leases.find(id) else { return };
        lease.heard = now;
        // Most reports say once more what the one before has said.
        if let Some(applied) = applied.filter(|applied| lease.applied.replace(*applied) != Some(*applied)) {
            leases.waits.note_applied(id.lease, applied);
            self.changed.notify_one();
        }
    }

    /// The verifier accepts no more tokens by what it has learned here.
    pub(super) fn dismiss(&self, id: LeaseId) {
        let mut leases = self.lock();
        if leases.find(id).is_none() {
            return;
        }
        if let Some(lease) = leases.by_id.remove(&id.lease) {
            leases.waits.note_ended(id.lease);
            leases.unshared.note_ended(&lease);
            self.changed.notify_one();
        }
    }

    /// Its stream is gone; it may still accept tokens by what it knows.
    pub(super) fn lose(&self, id: LeaseId) {
        if let Some(lease) = self.lock().find(id) {
            lease.connected = false;
            self.changed.notify_one();
        }
    }

    /// Ends the leases whose time is over, and the streams of verifiers that have been silent for as long.
    pub(super) fn sweep(&self, now: Instant) {
        let mut leases = self.lock();
        let Leases { by_id, displaced, waits, unshared, .. } = &mut *leases;
        for (id, lease) in by_id.iter_mut().filter(|(_, lease)| lease.is_overdue(now)) {
            if now >= lease.end() {
                waits.note_ended(*id);
            }
            lease.ends.overdue.cancel();
            if lease.is_overdue(now - PATIENCE) {
                lease.ends.abandoned.cancel();
            }
        }
        let over = by_id.extract_if(|_, lease| !lease.connected && now >= lease.end());
        over.for_each(|(_, lease)| unshared.note_ended(&lease));
        if displaced.take_if(|displaced| now >= displaced.until).is_some() {
            waits.note_ended(DISPLACED);
        }
    }

    /// True the first time in an incarnation of the log.
    pub(super) fn note_loss(&self, incarnation: [u8; 16]) -> bool {
        self.lock().told_of_loss.replace(incarnation) != Some(incarnation)
    }

    /// All of them, by their names.
    pub(super) fn list(&self, now: Instant) -> Vec<ShownVerifier> {
        let leases = self.lock();
        let mut shown: Vec<_> = leases.by_id.values().map(|lease| lease.show(now)).collect();
        drop(leases);
        shown.sort_by(|one, other| {
            (&one.instance, one.connected_at).cmp(&(&other.instance, other.connected_at))
        });
        shown
    }

    /// Lets nobody wait any more.
    pub(super) fn close(&self) {
        self.closing.cancel();
        self.lock().waits.close();
    }

    /// Cancelled when nobody is to wait any more.
    pub(super) fn closing(&self) -> &CancellationToken {
        &self.closing
    }

    /// Begins to wait until every verifier of now has applied everything up to `position`, or its lease has ended. If nobody
    /// needs to be waited for, or too many wait already: whose word is missing. Where verifiers of other replicas are waited for,
    /// too, a wait has its place also if there is nobody here.
    pub(super) fn begin_wait(
        &self,
        position: TrustPosition,
        waiter: Waiter,
        elsewhere_too: bool,
    ) -> Result<Waiting<'_>, Lacking> {
        let mut leases = self.lock();
        let pending = leases.lacking(position, monotonic_now());
        if pending.is_empty() && !elsewhere_too {
            return Err(Lacking(pending));
        }
        let (id, told) = leases.waits.begin(position, waiter, pending).map_err(Lacking)?;
        Ok(Waiting { verifiers: self, id, position, told })
    }

    /// Whose word is missing, with their names if these are asked for: hundreds of waits may end at the same moment, and the
    /// names of thousands would be copied for each while all others stand still.
    pub(super) fn describe(&self, Lacking(pending): &Lacking, named: bool) -> Missing {
        self.lock().describe(pending, named)
    }

    fn lock(&self) -> MutexGuard<'_, Leases> {
        self.leases.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting<'_> {
    /// Waits until nobody's word is missing here, at most until `deadline`. False then, and if nobody is to wait any more.
    pub(super) async fn here(&mut self, deadline: Instant) -> bool {
        let told = timeout_at(deadline.into(), &mut self.told).await;
        told.is_ok() && !self.verifiers.closing.is_cancelled()
    }

    /// Whether nobody's word is missing here now: a verifier may have come from another replica. If one's is, this waits on.
    pub(super) fn is_over(&mut self) -> bool {
        let mut leases = self.verifiers.lock();
        let pending = leases.lacking(self.position, monotonic_now());
        if pending.is_empty() {
            return true;
        }
        if let Some(told) = leases.waits.renew(self.id, pending) {
            self.told = told;
            return false;
        }
        true
    }

    /// Whose word is missing; the wait is over.
    pub(super) fn missing(self, named: bool) -> Missing {
        let mut leases = self.verifiers.lock();
        let pending = leases.waits.end(self.id);
        leases.describe(&pending, named)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.verifiers.lock().waits.end(self.id);
    }
}

impl Leases {
    fn find(&mut self, id: LeaseId) -> Option<&mut Lease> {
        self.by_id.get_mut(&id.lease).filter(|lease| lease.stream == id.stream)
    }

    /// True if there is room for one more, after a verifier that is absent has given way if need be. Streams that are open
    /// give way to nobody; who loses one without a goodbye must not keep others out until its lease ends.
    fn make_room_for(&mut self, user_id: UserId, now: Instant) -> bool {
        let of_user = self.by_id.values().filter(|lease| lease.key.user_id == user_id).count();
        if of_user >= MOST_OF_USER {
            return self.displace(|lease| lease.key.user_id == user_id, now);
        }
        self.by_id.len() < MOST || self.displace(|_| true, now)
    }

    /// Takes away the lease of one of the absent verifiers that `may_go`; of the one that has been silent for the longest.
    fn displace(&mut self, may_go: impl Fn(&Lease) -> bool, now: Instant) -> bool {
        let absent = self.by_id.iter().filter(|(_, lease)| !lease.connected && may_go(lease));
        let Some(id) = absent.min_by_key(|(_, lease)| lease.heard).map(|(id, _)| *id) else {
            return false;
        };
        let Some(lease) = self.by_id.remove(&id) else { return true };
        self.unshared.note_ended(&lease);
        let end = lease.end();
        if now < end {
            let Displaced { count, until } = self.displaced.unwrap_or(Displaced { count: 0, until: end });
            self.displaced = Some(Displaced { count: count.saturating_add(1), until: until.max(end) });
            self.waits.replace(id, DISPLACED);
        } else {
            self.waits.note_ended(id);
        }
        true
    }

    /// Whose word is missing at `position`.
    fn lacking(&self, position: TrustPosition, now: Instant) -> HashSet<u64> {
        let lacking = self.by_id.iter().filter(|(_, lease)| lease.lacks(position, now)).map(|(id, _)| *id);
        let displaced = self.displaced.filter(|displaced| now < displaced.until).map(|_| DISPLACED);
        lacking.chain(displaced).collect()
    }

    fn describe(&self, pending: &HashSet<u64>, named: bool) -> Missing {
        let lacking = pending.iter().filter_map(|id| self.by_id.get(id));
        let names =
            if named { lacking.clone().map(|lease| lease.instance.clone()).collect() } else { Vec::new() };
        let displaced = self.displaced.filter(|_| pending.contains(&DISPLACED));
        let count = lacking.count().saturating_add(displaced.map_or(0, |displaced| displaced.count));
        Missing { count, names }
    }
}

#[cfg(test)]
mod tests;
