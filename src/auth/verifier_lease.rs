//! One verifier's lease: who it is, what it has applied, and until when it may accept tokens by what it knows.
//!
//! A lease ends `max_staleness` after the last report: later, no verifier accepts a token by what it knew then. That of one
//! which goes on by the signature alone ends when the longest token has expired.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use crate::domain::{Timestamp, TrustPosition, UserId};
use crate::store::LeaseKey;

/// Who watches.
#[derive(Clone, Debug)]
pub struct VerifierHello {
    /// Its name, for people.
    pub instance: String,
    /// What its process is known by when it reconnects.
    pub run_id: Option<[u8; 16]>,
    /// For how long it accepts tokens by what it knows when nothing comes any more.
    pub max_staleness: Duration,
    /// Whether it then goes on by the signature alone, so that only their expiry ends tokens for it.
    pub accepts_signed: bool,
    /// Up to where it knows everything.
    pub resume: Option<TrustPosition>,
    /// What the next heartbeat repeats.
    pub nonce: u64,
}

/// What a verifier has applied.
#[derive(Clone, Copy, Debug)]
pub struct VerifierReport {
    /// Up to where; nothing before the first snapshot is whole.
    pub applied: Option<TrustPosition>,
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
    /// Whether it goes on after that.
    pub accepts_signed: bool,
    /// For how long it still accepts tokens if it reports no more.
    pub rest: Duration,
}

/// A verifier's lease, as its stream holds it. A stream that has been replaced by another one can do nothing to it.
#[derive(Clone, Copy, Debug)]
pub(super) struct LeaseId {
    pub(super) lease: u64,
    pub(super) stream: u64,
}

/// A lease.
#[derive(Debug)]
pub(super) struct Lease {
    /// Its latest stream.
    pub(super) stream: u64,
    pub(super) key: LeaseKey,
    pub(super) instance: String,
    pub(super) address: Option<IpAddr>,
    pub(super) max_staleness: Duration,
    pub(super) accepts_signed: bool,
    /// For how long after its last report it accepts a token that was good then.
    pub(super) accepts_for: Duration,
    pub(super) connected_at: Timestamp,
    pub(super) connected: bool,
    pub(super) heard: Instant,
    pub(super) applied: Option<TrustPosition>,
    pub(super) ends: Ends,
    pub(super) shared: Shared,
}

/// What other replicas know of a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shared {
    /// Nothing, or what was so before its latest stream.
    Not,
    /// This replica speaks for the verifier.
    AsConnected,
    /// Nobody does.
    AsAway,
}

/// How a stream is told to end.
#[derive(Clone, Debug, Default)]
pub(super) struct Ends {
    /// Its verifier has been silent for too long.
    pub(super) overdue: CancellationToken,
    /// It was asked to go and does not read that: whoever runs the stream drops it.
    pub(super) abandoned: CancellationToken,
}

impl Lease {
    /// The same process, which has lost its stream and is back. A name alone does not tell two processes apart.
    pub(super) fn is_of(&self, key: LeaseKey, hello: &VerifierHello) -> bool {
        hello.run_id.is_some() && self.key == key
    }

    /// Later it accepts nothing that was revoked after its last report.
    pub(super) fn end(&self) -> Instant {
        self.heard + self.accepts_for
    }

    /// Whether it should have reported long since.
    pub(super) fn is_overdue(&self, now: Instant) -> bool {
        now >= self.heard + self.max_staleness
    }

    pub(super) fn lacks(&self, position: TrustPosition, now: Instant) -> bool {
        now < self.end() && !self.applied.is_some_and(|applied| applied.covers(position))
    }

    pub(super) fn show(&self, now: Instant) -> ShownVerifier {
        ShownVerifier {
            instance: self.instance.clone(),
            user_id: self.key.user_id,
            address: self.address,
            connected: self.connected,
            connected_at: self.connected_at,
            applied: self.applied,
            silence: now.saturating_duration_since(self.heard),
            max_staleness: self.max_staleness,
            accepts_signed: self.accepts_signed,
            rest: self.end().saturating_duration_since(now),
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
