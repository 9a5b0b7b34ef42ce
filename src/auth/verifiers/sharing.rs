//! What other replicas of a database server are to know of the verifiers here.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::{Lease, LeaseId, Leases, Shared, Verifiers};
use crate::domain::{Timestamp, TrustPosition};
use crate::store::{Away, LeaseChanges, LeaseKey, LeaseReport, SharedLease};

/// By how much the clocks of two replicas may differ before a lease ends too early for one of them.
const SKEW: Duration = Duration::from_secs(5);
/// How many names of verifiers that are behind are told.
const NAMES: usize = 16;

/// What has happened since the others were told.
#[derive(Debug, Default)]
pub(super) struct Unshared {
    /// Verifiers that are gone.
    ended: Vec<LeaseKey>,
    /// Streams that wait until the others know of them.
    joining: Vec<(LeaseId, oneshot::Sender<()>)>,
}

impl Unshared {
    /// A verifier is gone of which the others may know.
    pub(super) fn note_ended(&mut self, lease: &Lease) {
        if lease.shared != Shared::Not {
            self.ended.push(lease.key);
        }
    }
}

/// What the others are to be told, and of whom that is.
#[derive(Debug)]
pub(in crate::auth) struct Untold {
    pub(in crate::auth) changes: LeaseChanges,
    told: Vec<(LeaseId, Shared)>,
}

impl Verifiers {
    /// Returns when there is something to tell.
    pub(in crate::auth) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Returns when somebody waits for that.
    pub(in crate::auth) async fn joined(&self) {
        self.joined.notified().await;
    }

    /// Told when the others know that the verifier of this stream is here.
    pub(in crate::auth) fn join(&self, id: LeaseId) -> oneshot::Receiver<()> {
        let (told, joined) = oneshot::channel();
        let mut leases = self.lock();
        // Those before may have given up, while nobody could be told.
        leases.unshared.joining.retain(|(_, waiting)| !waiting.is_closed());
        leases.unshared.joining.push((id, told));
        drop(leases);
        self.joined.notify_one();
        joined
    }

    /// What the others do not know, where the log here is known up to `position`.
    pub(in crate::auth) fn untold(
        &self,
        position: TrustPosition,
        (wall, now): (Timestamp, Instant),
    ) -> Untold {
        let leases = self.lock();
        let ended = leases.unshared.ended.clone();
        let (mut told, mut held) = (Vec::new(), Vec::new());
        for (id, lease) in leases.by_id.iter().filter(|(_, lease)| lease.shared != lease.to_share()) {
            told.push((LeaseId { lease: *id, stream: lease.stream }, lease.to_share()));
            held.push(lease.share((wall, now)));
        }
        let report = leases.report(position, (wall, now));
        Untold { changes: LeaseChanges { report, held, ended }, told }
    }

    /// The others have been told.
    pub(in crate::auth) fn note_told(&self, untold: &Untold) {
        let mut leases = self.lock();
        // What came meanwhile stands behind them.
        leases.unshared.ended.drain(..untold.changes.ended.len());
        for (id, shared) in &untold.told {
            if let Some(lease) = leases.find(*id) {
                lease.shared = *shared;
            }
        }
        let Leases { by_id, unshared, .. } = &mut *leases;
        let is_known = |id: &LeaseId| {
            by_id.get(&id.lease).is_none_or(|lease| lease.stream != id.stream || lease.shared != Shared::Not)
        };
        for (_, joined) in unshared.joining.extract_if(.., |(id, _)| is_known(id)) {
            // Its stream may be gone.
            let _told = joined.send(());
        }
    }

    /// The others have forgotten everything: nothing was heard from here for too long.
    pub(in crate::auth) fn tell_anew(&self) {
        self.lock().by_id.values_mut().for_each(|lease| lease.shared = Shared::Not);
    }

    /// What differs between the verifiers here and those of which the others know: those here that they have forgotten, and those
    /// that are gone, which are told the next time.
    pub(in crate::auth) fn forgotten(
        &self,
        known: &HashSet<LeaseKey>,
        moment: (Timestamp, Instant),
    ) -> Vec<SharedLease> {
        let Leases { by_id, unshared, .. } = &mut *self.lock();
        let here: HashSet<_> = by_id.values().map(|lease| lease.key).collect();
        unshared.ended.extend(known.difference(&here));
        by_id
            .values()
            .filter(|lease| lease.shared == Shared::AsConnected && !known.contains(&lease.key))
            .map(|lease| lease.share(moment))
            .collect()
    }

    /// Whether there are verifiers here for which this replica speaks.
    pub(in crate::auth) fn any_connected(&self) -> bool {
        self.lock().by_id.values().any(|lease| lease.connected)
    }

    /// Whether there are verifiers here that may be back elsewhere.
    pub(in crate::auth) fn any_away(&self) -> bool {
        self.lock().by_id.values().any(Lease::is_away)
    }

    /// Ends the leases of verifiers that are away from here and, not being among `still_here`, back elsewhere. Whoever waits for
    /// one of them waits for its new replica then.
    pub(in crate::auth) fn let_go(&self, still_here: &HashSet<LeaseKey>) {
        let Leases { by_id, waits, .. } = &mut *self.lock();
        for (id, _) in by_id.extract_if(|_, lease| lease.is_away() && !still_here.contains(&lease.key)) {
            waits.note_ended(id);
        }
    }
}

impl Leases {
    fn report(&self, position: TrustPosition, (wall, now): (Timestamp, Instant)) -> LeaseReport {
        let connected = || self.by_id.values().filter(|lease| lease.connected);
        let lacking = || connected().filter(|lease| lease.lacks(position, now));
        let applied_by = |lease: &Lease| {
            lease
                .applied
                .filter(|applied| applied.incarnation == position.incarnation)
                .map(|applied| applied.sequence)
        };
        // One that has applied nothing yet is below all numbers.
        let applied = lacking().map(applied_by).min().unwrap_or(Some(position.sequence));
        let last = connected().map(Lease::end).max().unwrap_or(now);
        LeaseReport {
            position,
            applied,
            lacking: lacking().count(),
            lacking_names: lacking().take(NAMES).map(|lease| lease.instance.clone()).collect(),
            until: on_the_wall(last, (wall, now)),
            displaced: self
                .displaced
                .map(|displaced| (displaced.count, on_the_wall(displaced.until, (wall, now)))),
        }
    }
}

impl Lease {
    /// What the others should know of it.
    fn to_share(&self) -> Shared {
        if self.connected { Shared::AsConnected } else { Shared::AsAway }
    }

    /// Not here, as the others know.
    fn is_away(&self) -> bool {
        !self.connected && self.shared == Shared::AsAway
    }

    fn share(&self, moment: (Timestamp, Instant)) -> SharedLease {
        let away =
            (!self.connected).then(|| Away { applied: self.applied, until: on_the_wall(self.end(), moment) });
        SharedLease { key: self.key, instance: self.instance.clone(), away }
    }
}

/// When it is `then` on the clocks of all replicas.
fn on_the_wall(then: Instant, (wall, now): (Timestamp, Instant)) -> Timestamp {
    wall.plus(then.saturating_duration_since(now) + SKEW)
}
