//! Where a verifier's reports arrive: apart from the frames that are made for it, so that one who reports without pause
//! neither holds up what it is told nor its own end.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::verifier_lease::{LeaseId, VerifierReport, monotonic_now};
use super::{Authority, Error};
use crate::domain::TrustPosition;

/// The reports of one stream; a cheap handle.
#[derive(Clone)]
pub struct VerifierReports {
    authority: Authority,
    lease: LeaseId,
    state: Arc<Mutex<State>>,
}

struct State {
    /// Up to where everything has been told.
    told: TrustPosition,
    /// The latest one.
    nonce: u64,
}

impl VerifierReports {
    pub(super) fn new(authority: Authority, lease: LeaseId, told: TrustPosition, nonce: u64) -> Self {
        Self { authority, lease, state: Arc::new(Mutex::new(State { told, nonce })) }
    }

    /// Takes a report.
    pub fn take(&self, report: VerifierReport) -> Result<(), Error> {
        let VerifierReport { applied, nonce } = report;
        let mut state = self.lock();
        let is_beyond = |applied: TrustPosition| {
            applied.incarnation == state.told.incarnation && applied.sequence > state.told.sequence
        };
        if applied.is_some_and(is_beyond) {
            return Err(Error::field("report.applied", "is beyond what was sent"));
        }
        state.nonce = nonce;
        drop(state);
        self.authority.verifiers().acknowledge(self.lease, applied, monotonic_now());
        Ok(())
    }

    pub(super) fn note_told(&self, told: TrustPosition) {
        self.lock().told = told;
    }

    /// The verifier's latest nonce.
    pub(super) fn nonce(&self) -> u64 {
        self.lock().nonce
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
