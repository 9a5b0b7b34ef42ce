//! How the connection of a verifier is doing: for those who wait for it, and for people.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use super::VerifierStatus;

/// What the connection tells, and what is waited for.
pub(super) struct Progress {
    report: Mutex<Report>,
    milestone: watch::Sender<Milestone>,
}

#[derive(Default)]
struct Report {
    connected: bool,
    clock_skew_millis: Option<i64>,
    /// Why the last stream ended, and when, by the clock that only goes forward.
    last_error: Option<(String, Duration)>,
}

/// What has been reached.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Milestone {
    Nothing,
    /// The server refuses the caller, and nothing has been known yet.
    Refused(String),
    /// Everything has been known once.
    Complete,
}

impl Progress {
    pub(super) fn new() -> Self {
        Self { report: Mutex::default(), milestone: watch::Sender::new(Milestone::Nothing) }
    }

    /// The server has said something on a stream.
    pub(super) fn connected(&self) {
        self.report().connected = true;
    }

    /// The server's clock is this far ahead.
    pub(super) fn skewed(&self, millis: i64) {
        self.report().clock_skew_millis = Some(millis);
    }

    /// Everything has been known once.
    pub(super) fn complete(&self) {
        self.reach(Milestone::Complete);
    }

    /// There is no stream any more, since `now`.
    pub(super) fn failed(&self, error: String, refused: bool, now: Duration) {
        let mut report = self.report();
        report.connected = false;
        report.last_error = Some((error.clone(), now));
        drop(report);
        if refused {
            self.reach(Milestone::Refused(error));
        }
    }

    /// Waits until everything has been known once.
    pub(super) async fn until_complete(&self) {
        let mut milestones = self.milestone.subscribe();
        // It fails if the sender is gone, which lives as long as this is borrowed.
        let _complete = milestones.wait_for(|now| *now == Milestone::Complete).await;
    }

    /// Waits until everything has been known once, or the server has refused the caller: then why.
    pub(super) async fn until_complete_or_refused(&self) -> Result<(), String> {
        let mut milestones = self.milestone.subscribe();
        match milestones.wait_for(|now| *now != Milestone::Nothing).await.as_deref() {
            Ok(Milestone::Refused(error)) => Err(error.clone()),
            _ => Ok(()),
        }
    }

    /// Adds what it knows at the moment `now`.
    pub(super) fn add_to(&self, status: VerifierStatus, now: Duration) -> VerifierStatus {
        let report = self.report();
        VerifierStatus {
            connected: report.connected,
            clock_skew_millis: report.clock_skew_millis,
            last_error: report.last_error.as_ref().map(|(error, _)| error.clone()),
            last_error_age: report.last_error.as_ref().map(|(_, at)| now.saturating_sub(*at)),
            ..status
        }
    }

    /// Nothing takes the place of completeness: from then on the verifier works, or tells how old its knowledge is.
    fn reach(&self, milestone: Milestone) {
        self.milestone.send_if_modified(|now| {
            let news = *now != Milestone::Complete && *now != milestone;
            if news {
                *now = milestone;
            }
            news
        });
    }

    fn report(&self) -> MutexGuard<'_, Report> {
        self.report.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
