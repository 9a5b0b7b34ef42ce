//! What the replicas of a database server tell each other about their verifiers, and what this one knows of the others'.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::time::{sleep_until, timeout, timeout_at};

use super::verifier_lease::{LeaseId, VerifierHello, monotonic_now};
use super::verifiers::Missing;
use super::{Authority, Caller, Error};
use crate::domain::{Entropy, Timestamp, TrustPosition};
use crate::store::{LeaseKey, LeaseReport, LeasesElsewhere, ReplicaId};

/// For how long beyond what is needed a report holds, so that it is written again that often only.
const REPORT_HOLDS: Duration = Duration::from_secs(10);
/// How long a verifier that comes waits until the others know of it.
const JOIN_PATIENCE: Duration = Duration::from_secs(1);
/// How often it is looked whether the others know what they were told.
const COMPARED_EVERY: Duration = Duration::from_secs(10);
/// How often whoever waits looks at the others' reports, at first and then.
const LOOK_INTERVALS: [Duration; 2] = [Duration::from_millis(50), Duration::from_millis(200)];
/// How many looks come at first.
const FIRST_LOOKS: u32 = 20;
/// How long a look may take whose answer is already late.
const LAST_LOOK: Duration = Duration::from_millis(50);
/// What is said of the others' verifiers where the database does not tell.
const UNKNOWN: Missing = Missing { count: 1, names: Vec::new() };

/// What this replica has told the others, and what it has read of them.
#[derive(Debug)]
pub(super) struct SharedLeases {
    replica: ReplicaId,
    told: Mutex<Option<LeaseReport>>,
    compared: Mutex<Option<Instant>>,
    /// With the moment before it was read.
    read: tokio::sync::Mutex<Option<(Instant, Arc<LeasesElsewhere>)>>,
}

impl SharedLeases {
    /// Of a replica that has just started.
    pub(super) fn new(entropy: &dyn Entropy) -> Self {
        let mut replica = [0; 16];
        entropy.fill(&mut replica);
        Self {
            replica,
            told: Mutex::default(),
            compared: Mutex::default(),
            read: tokio::sync::Mutex::default(),
        }
    }

    fn told(&self) -> Option<LeaseReport> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether it is time to compare what the others know; the next time it is not.
    fn must_compare(&self, now: Instant) -> bool {
        let mut compared = self.compared.lock().unwrap_or_else(PoisonError::into_inner);
        let due = compared.is_none_or(|last| now.duration_since(last) >= COMPARED_EVERY);
        if due {
            *compared = Some(now);
        }
        due
    }

    fn forget_told(&self) {
        *self.told.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn note_told(&self, report: LeaseReport) {
        *self.told.lock().unwrap_or_else(PoisonError::into_inner) = Some(report);
    }
}

impl Authority {
    /// Returns when there may be something to tell other replicas about the verifiers here.
    pub async fn verifiers_changed(&self) {
        self.verifiers().changed().await;
    }

    /// Returns when a verifier waits for others to be told that it is here.
    pub async fn verifiers_joined(&self) {
        self.verifiers().joined().await;
    }

    /// Tells other replicas about the verifiers here, and learns which of those that were lost here are back elsewhere.
    pub async fn share_leases(&self) -> Result<(), Error> {
        let (parts, shared) = (self.parts(), self.shared_leases());
        let (wall, now) = (parts.clock.now(), monotonic_now());
        let told = shared.told();
        if told.as_ref().is_some_and(|told| told.until <= wall) {
            self.verifiers().tell_anew();
        }
        let mut untold = self.verifiers().untold(parts.store.trust().position(), (wall, now));
        let changes = &mut untold.changes;
        let says_more = told.is_none_or(|told| changes.report.says_more_than(&told));
        let has_verifiers = self.verifiers().any_connected();
        if !changes.held.is_empty() || !changes.ended.is_empty() || (has_verifiers && says_more) {
            changes.report.until = changes.report.until.plus(REPORT_HOLDS);
            parts.store.report_leases(shared.replica, changes, wall).await?;
            shared.note_told(changes.report.clone());
        }
        self.verifiers().note_told(&untold);
        if self.verifiers().any_away() {
            let still_here = parts.store.lookup_leases_away(shared.replica).await?;
            self.verifiers().let_go(&still_here);
        }
        if shared.told().is_some() && shared.must_compare(now) {
            self.compare_leases((wall, now)).await?;
        }
        Ok(())
    }

    /// Somebody with a wrong clock may have forgotten what is so.
    async fn compare_leases(&self, moment: (Timestamp, Instant)) -> Result<(), Error> {
        let (parts, shared) = (self.parts(), self.shared_leases());
        let known = parts.store.lookup_leases_of(shared.replica).await?;
        let forgotten = self.verifiers().forgotten(&known, moment);
        if !forgotten.is_empty() {
            // What was said of all of them may be gone, too.
            shared.forget_told();
            parts.store.put_forgotten_leases(shared.replica, &forgotten).await?;
        }
        Ok(())
    }

    /// What the verifier's process is known by; one that has drawn nothing itself is another one each time.
    pub(super) fn lease_key(&self, caller: &Caller, hello: &VerifierHello) -> LeaseKey {
        let drawn = || {
            let mut drawn = [0; 16];
            self.parts().entropy.fill(&mut drawn);
            drawn
        };
        LeaseKey { user_id: caller.user_id(), run_id: hello.run_id.unwrap_or_else(drawn) }
    }

    /// Waits until the other replicas know that a verifier is here, where there may be others: before it is told anything by
    /// which it accepts tokens. Where they cannot be told it goes on all the same: what cannot be written is revoked by nobody
    /// either, and a service that checks tokens must not depend on it.
    pub(super) async fn join_leases(&self, lease: LeaseId) {
        if !self.parts().store.is_shared() {
            return;
        }
        let joined = timeout(JOIN_PATIENCE, self.verifiers().join(lease)).await;
        if !matches!(joined, Ok(Ok(()))) {
            tracing::debug!("other replicas are told later that a verifier is here");
            return;
        }
        // Whoever has looked before that did not wait for it: so it must be told what they had revoked by then.
        if let Err(error) = self.follow_trust_log().await {
            tracing::debug!(%error, "the trust log was not read");
        }
    }

    /// Waits until no verifier of another replica lacks anything up to `position`, at most until `deadline`. Who does then.
    pub(super) async fn wait_elsewhere(&self, position: TrustPosition, deadline: Instant) -> Missing {
        let mut last = UNKNOWN;
        let mut looks = 0;
        loop {
            let looked = timeout_at(deadline.into(), self.look_elsewhere(position)).await;
            match looked {
                Ok(Ok(missing)) if missing.count == 0 => return missing,
                Ok(Ok(missing)) => last = missing,
                Ok(Err(error)) => tracing::debug!(%error, "the verifiers of other replicas are not known"),
                Err(_) => return last,
            }
            let [often, rarely] = LOOK_INTERVALS;
            let again = monotonic_now() + if looks < FIRST_LOOKS { often } else { rarely };
            looks += 1;
            if again >= deadline {
                return last;
            }
            tokio::select! {
                () = sleep_until(again.into()) => {}
                () = self.verifiers().closing().cancelled() => return last,
            }
        }
    }

    /// Which verifiers of other replicas lack something up to `position` now, for an answer that is late.
    pub(super) async fn look_elsewhere_at_last(&self, position: TrustPosition) -> Missing {
        match timeout(LAST_LOOK, self.look_elsewhere(position)).await {
            Ok(Ok(missing)) => missing,
            _ => UNKNOWN,
        }
    }

    /// Whoever looks while another look is under way shares the one after it.
    async fn look_elsewhere(&self, position: TrustPosition) -> Result<Missing, Error> {
        let (parts, shared) = (self.parts(), self.shared_leases());
        let asked = monotonic_now();
        let mut read = shared.read.lock().await;
        if let Some((_, elsewhere)) = read.as_ref().filter(|(began, _)| *began >= asked) {
            return Ok(missing(elsewhere, position));
        }
        let began = monotonic_now();
        let known = parts.store.trust().position();
        let found = parts.store.lookup_leases_elsewhere(shared.replica, known, parts.clock.now()).await?;
        let found = Arc::new(found);
        *read = Some((began, Arc::clone(&found)));
        drop(read);
        Ok(missing(&found, position))
    }
}

/// Who lacks something up to `position`. A replica that has told nothing since it got there may speak for verifiers that have
/// applied it, and is believed to have none.
fn missing(elsewhere: &LeasesElsewhere, position: TrustPosition) -> Missing {
    let mut missing = Missing::default();
    for (report, members) in elsewhere.replicas.values() {
        let applied = report.applied.map(|sequence| TrustPosition { sequence, ..report.position });
        if applied.is_some_and(|applied| applied.covers(position)) {
            continue;
        }
        let (count, names) = if report.position.covers(position) {
            (report.lacking.min(members.len()), &report.lacking_names)
        } else {
            (members.len(), members)
        };
        missing.count += count;
        missing.names.extend(names.iter().take(count).cloned());
    }
    let away =
        elsewhere.away.iter().filter(|(_, applied)| !applied.is_some_and(|applied| applied.covers(position)));
    for (name, _) in away {
        missing.count += 1;
        missing.names.push(name.clone());
    }
    missing.count += elsewhere.displaced;
    missing
}
