//! What a replica says of the verifiers that watch it, and what it hears of others.

use std::collections::HashMap;

use uuid::Uuid;

use crate::domain::{Timestamp, TrustPosition, UserId};

/// What a replica is known by among the others.
pub type ReplicaId = [u8; 16];

/// What a verifier's process is known by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LeaseKey {
    /// As whom it watches.
    pub user_id: UserId,
    /// What it drew when it started.
    pub run_id: [u8; 16],
}

/// A verifier's lease, for all replicas.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedLease {
    /// Whose it is.
    pub key: LeaseKey,
    /// The verifier's name.
    pub instance: String,
    /// If no replica speaks for it any more.
    pub away: Option<Away>,
}

/// What a verifier knew when its stream was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Away {
    /// Up to where it has applied the log.
    pub applied: Option<TrustPosition>,
    /// Until when it may accept tokens by that.
    pub until: Timestamp,
}

/// What a replica says of all verifiers that watch it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaseReport {
    /// Up to where the replica knows the log.
    pub position: TrustPosition,
    /// Up to where all of them have applied it.
    pub applied: Option<i64>,
    /// How many have not applied it up to `position`.
    pub lacking: usize,
    /// The names of some of these.
    pub lacking_names: Vec<String>,
    /// Later none of them accepts tokens by what it knew, if nothing is heard of the replica any more.
    pub until: Timestamp,
    /// How many were lost here whose places others have taken, and until when the last of these may accept tokens.
    pub displaced: Option<(usize, Timestamp)>,
}

/// What changed about a replica's verifiers.
#[derive(Clone, Debug)]
pub struct LeaseChanges {
    /// All of them together.
    pub report: LeaseReport,
    /// Those for which it speaks from now on, and those that are away.
    pub held: Vec<SharedLease>,
    /// Those that accept nothing any more by what they learned here.
    pub ended: Vec<LeaseKey>,
}

/// The verifiers of other replicas that may lack something.
#[derive(Clone, Debug, Default)]
pub struct LeasesElsewhere {
    /// By replica: what it says, and the names of those for which it speaks.
    pub replicas: HashMap<ReplicaId, (LeaseReport, Vec<String>)>,
    /// Those for which nobody does.
    pub away: Vec<(String, Option<TrustPosition>)>,
    /// How many more there are of which nothing is known but their number.
    pub displaced: usize,
}

impl LeaseReport {
    /// Whether whoever has heard the report of `before` has to hear this one, too: it may hold for longer than is needed.
    #[must_use]
    pub fn says_more_than(&self, before: &Self) -> bool {
        before.until < self.until || Self { until: before.until, ..self.clone() } != *before
    }
}

impl LeaseKey {
    /// As it is stored.
    pub(super) fn as_bytes(self) -> Vec<u8> {
        [self.user_id.as_uuid().into_bytes(), self.run_id].concat()
    }

    /// The same read back.
    pub(super) fn from_bytes(bytes: Vec<u8>) -> Option<Self> {
        let (user, run_id) = bytes.split_first_chunk()?;
        Some(Self { user_id: UserId::from_uuid(Uuid::from_bytes(*user)), run_id: run_id.try_into().ok()? })
    }
}
