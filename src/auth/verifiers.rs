//! The verifiers that watch the trust log here: who they are, what they have applied, and until when each may accept tokens
//! by what it knows. Owns the leases and the wait for acknowledgements; what is sent to them is `watch_trust`'s.
//!
//! ```text
//! hello ──▶ connected ── silent for max_staleness ──▶ overdue: asked to go, then dropped
//!             │  └ says goodbye ──────────────────▶ gone
//!             └ connection lost ──▶ absent ── reconnects, or its lease ends ──▶ gone
//! ```
//!
//! A lease ends `max_staleness` after the last report: later, no verifier accepts a token by what it knew then.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::Error;
use crate::domain::{Timestamp, TrustPosition, UserId};

/// Verifiers at once, of everybody.
const MOST: usize = 4_096;
/// Verifiers at once of one user, so that whoever has stolen one's credentials leaves room for others.
const MOST_OF_USER: usize = 2_048;
/// When it is worth coming back for one who finds no room.
const RETRY_AFTER: Duration = Duration::from_secs(5);
/// How long after it was asked to go a verifier that does not read is dropped.
const PATIENCE: Duration = Duration::from_secs(5);

/// Who watches.
#[derive(Clone, Debug)]
pub struct VerifierHello {
    /// Its name, for people.
    pub instance: String,
    /// What its process is known by when it reconnects.
    pub run_id: Option<[u8; 16]>,
    /// For how long it accepts tokens by what it knows when nothing comes any more.
    pub max_staleness: Duration,
    /// Up to where it knows everything.
    pub resume: Option<TrustPosition>,
    /// What the next heartbeat repeats.
    pub nonce: u64,
}

/// What a verifier has applied.
#[derive(Clone, Copy, Debug)]
pub struct VerifierReport {
    /// Up to where.
    pub applied: TrustPosition,
    /// What the next heartbeat repeats.
    pub nonce: u64,
}

/// A verifier as it is shown.
#[derive(Clone, Debug)]
pub struct ShownVerifier {
    /// Its name.
    pub instance: String,
    /// As whom it watches.
    pub user_id: UserId,
    /// From where.
    pub address: Option<IpAddr>,
    /// Whether its stream is open.
    pub connected: bool,
    /// Since when it watches.
    pub connected_at: Timestamp,
    /// Up to where it has applied what was sent.
    pub applied: Option<TrustPosition>,
    /// How long ago it reported.
    pub silence: Duration,
    /// For how long it accepts tokens by what it knows.
    pub max_staleness: Duration,
}

/// All verifiers.
#[derive(Debug)]
pub(super) struct Verifiers {
    leases: Mutex<Leases>,
    /// Changes with every acknowledgement and every end of a lease.
    changed: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Leases {
    next: u64,
    by_id: HashMap<u64, Lease>,
    /// Nobody waits any more: the server is going away.
    closed: bool,
}

/// A verifier's lease, as its stream holds it. A stream that has been replaced by another one can do nothing to it.
#[derive(Clone, Copy, Debug)]
pub(super) struct LeaseId {
    lease: u64,
    stream: u64,
}

#[derive(Debug)]
struct Lease {
    /// Its latest stream.
    stream: u64,
    user_id: UserId,
    instance: String,
    run_id: Option<[u8; 16]>,
    address: Option<IpAddr>,
    max_staleness: Duration,
    connected_at: Timestamp,
    connected: bool,
    heard: Instant,
    applied: Option<TrustPosition>,
    ends: Ends,
}

/// How a stream is told to end.
#[derive(Clone, Debug, Default)]
pub(super) struct Ends {
    /// Its verifier has been silent for too long.
    pub(super) overdue: CancellationToken,
    /// It was asked to go and does not read that: whoever runs the stream drops it.
    pub(super) abandoned: CancellationToken,
}

impl Verifiers {
    /// Takes a verifier in. If its process was here before, it goes on with its lease: whoever waits for its word waits on.
    /// Its id, and how its stream is told to end.
    pub(super) fn admit(
        &self,
        user_id: UserId,
        hello: &VerifierHello,
        address: Option<IpAddr>,
        (wall, now): (Timestamp, Instant),
    ) -> Result<(LeaseId, Ends), Error> {
        let mut leases = self.lock();
        let stream = leases.next;
        leases.next += 1;
        let known = leases.by_id.iter().find(|(_, lease)| lease.is_of(user_id, hello)).map(|(id, _)| *id);
        if known.is_none() && leases.is_full_for(user_id) {
            return Err(Error::TooManyVerifiers { retry_after: RETRY_AFTER });
        }
        let (id, ends) = (LeaseId { lease: known.unwrap_or(stream), stream }, Ends::default());
        let lease = Lease {
            stream,
            user_id,
            instance: hello.instance.clone(),
            run_id: hello.run_id,
            address,
            max_staleness: hello.max_staleness,
            connected_at: wall,
            connected: true,
            heard: now,
            applied: hello.resume,
            ends: ends.clone(),
        };
        if let Some(earlier) = leases.by_id.insert(id.lease, lease) {
            earlier.ends.abandoned.cancel();
        }
        drop(leases);
        self.announce();
        Ok((id, ends))
    }

    /// Takes a report.
    pub(super) fn acknowledge(&self, id: LeaseId, applied: TrustPosition, now: Instant) {
        if let Some(lease) = self.lock().find(id) {
            lease.heard = now;
            lease.applied = Some(applied);
        }
        self.announce();
    }

    /// The verifier accepts no more tokens by what it has learned here.
    pub(super) fn dismiss(&self, id: LeaseId) {
        let mut leases = self.lock();
        if leases.find(id).is_some() {
            leases.by_id.remove(&id.lease);
        }
        drop(leases);
        self.announce();
    }

    /// Its stream is gone; it may still accept tokens by what it knows.
    pub(super) fn lose(&self, id: LeaseId) {
        if let Some(lease) = self.lock().find(id) {
            lease.connected = false;
        }
    }

    /// Ends the leases whose time is over, and the streams of verifiers that have been silent for as long.
    pub(super) fn sweep(&self, now: Instant) {
        let mut leases = self.lock();
        for lease in leases.by_id.values().filter(|lease| now >= lease.end()) {
            lease.ends.overdue.cancel();
            if now >= lease.end() + PATIENCE {
                lease.ends.abandoned.cancel();
            }
        }
        let before = leases.by_id.len();
        leases.by_id.retain(|_, lease| lease.connected || now < lease.end());
        let ended = leases.by_id.len() < before;
        drop(leases);
        if ended {
            self.announce();
        }
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
        self.lock().closed = true;
        self.announce();
    }

    /// Waits until every verifier of now has applied everything up to `position` or its lease has ended, at most until
    /// `deadline` or [`Self::close`]. The names of those that have not.
    pub(super) async fn wait_for(&self, position: TrustPosition, deadline: Instant) -> Vec<String> {
        let mut changed = self.changed.subscribe();
        let mut awaited: Vec<u64> = self.lock().by_id.keys().copied().collect();
        loop {
            changed.mark_unchanged();
            let moment = monotonic_now();
            let next_end = self.retain_pending(&mut awaited, position, moment);
            if awaited.is_empty() || moment >= deadline || self.lock().closed {
                return self.names(&awaited);
            }
            let until = next_end.map_or(deadline, |end| end.min(deadline));
            let _told_or_over = tokio::time::timeout_at(until.into(), changed.changed()).await;
        }
    }

    /// Leaves those in whose word is missing. When the first of their leases ends.
    fn retain_pending(
        &self,
        awaited: &mut Vec<u64>,
        position: TrustPosition,
        now: Instant,
    ) -> Option<Instant> {
        let leases = self.lock();
        awaited.retain(|id| leases.by_id.get(id).is_some_and(|lease| lease.lacks(position, now)));
        awaited.iter().filter_map(|id| leases.by_id.get(id)).map(Lease::end).min()
    }

    fn names(&self, ids: &[u64]) -> Vec<String> {
        let leases = self.lock();
        let mut names: Vec<_> =
            ids.iter().filter_map(|id| leases.by_id.get(id)).map(|lease| lease.instance.clone()).collect();
        names.sort();
        names
    }

    fn announce(&self) {
        self.changed.send_modify(|count| *count = count.wrapping_add(1));
    }

    fn lock(&self) -> MutexGuard<'_, Leases> {
        self.leases.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Leases {
    fn find(&mut self, id: LeaseId) -> Option<&mut Lease> {
        self.by_id.get_mut(&id.lease).filter(|lease| lease.stream == id.stream)
    }

    fn is_full_for(&self, user_id: UserId) -> bool {
        let of_user = self.by_id.values().filter(|lease| lease.user_id == user_id).count();
        of_user >= MOST_OF_USER || self.by_id.len() >= MOST
    }
}

impl Lease {
    /// The same process, which has lost its stream and is back. A name alone does not tell two processes apart.
    fn is_of(&self, user_id: UserId, hello: &VerifierHello) -> bool {
        self.user_id == user_id && self.run_id.is_some() && self.run_id == hello.run_id
    }

    fn end(&self) -> Instant {
        self.heard + self.max_staleness
    }

    fn lacks(&self, position: TrustPosition, now: Instant) -> bool {
        let has = |applied: &TrustPosition| {
            applied.incarnation == position.incarnation && applied.sequence >= position.sequence
        };
        now < self.end() && !self.applied.as_ref().is_some_and(has)
    }

    fn show(&self, now: Instant) -> ShownVerifier {
        ShownVerifier {
            instance: self.instance.clone(),
            user_id: self.user_id,
            address: self.address,
            connected: self.connected,
            connected_at: self.connected_at,
            applied: self.applied,
            silence: now.saturating_duration_since(self.heard),
            max_staleness: self.max_staleness,
        }
    }
}

pub(super) fn monotonic_now() -> Instant {
    #[expect(
        clippy::disallowed_methods,
        reason = "a lease is a span of real time, whatever the clock on the wall says"
    )]
    Instant::now()
}

impl Default for Verifiers {
    fn default() -> Self {
        Self { leases: Mutex::default(), changed: watch::Sender::new(0) }
    }
}
