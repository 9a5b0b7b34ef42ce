//! What a verifier is told: the key set, what has been revoked, and that nothing is missing. Frames are made when they are
//! asked for, from what all verifiers share; a slow one costs a position and no queue, and what it missed is in the log.
//!
//! ```text
//! key set ──▶ snapshot, or what came after the position that it resumes from ──▶ heartbeat
//!    ▲                                                                              │
//!    └── the ring changed      revocations ◀── the log grew ◀── waits ◀─────────────┘
//!                                   └── rests, so that what comes meanwhile shares a frame
//! ```
//!
//! The stream is judged by its caller's session and role, after whatever concerns them has been sent.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use countersign_verify::{Revocation, Revoked};
use tokio::sync::watch;
use tokio::time::sleep_until;
use tokio_util::sync::CancellationToken;

use super::caller::Proof;
use super::told_trust::Told;
use super::trust_pace::TrustPace;
use super::verifier_lease::{Ends, LeaseId, VerifierHello, monotonic_now};
use super::verifier_reports::VerifierReports;
use super::{Authority, Caller, Error, PublishedKey};
use crate::domain::{ProvenAt, SessionId, Timestamp, TrustPosition, UserState};
use crate::store::TrustNews;

/// The role that may watch.
const VERIFIER: &str = "verifier";
/// How many revocations a frame carries: some 25 KiB, which is what a verifier that stops reading keeps here.
const PAGE: usize = 250;
/// Between two heartbeats: a reading of the log takes place twice a second, and every second one is told.
const HEARTBEAT_INTERVAL: Duration = Duration::from_millis(900);
/// The same for verifiers that would hardly be sure of being fresh with one a second: a heartbeat proves what was so when
/// the one before it came.
const SHORT_HEARTBEAT_INTERVAL: Duration = Duration::from_millis(400);
/// Whom that concerns.
const SHORT_STALENESS: Duration = Duration::from_secs(5);
/// How often the session of a stream is looked at though nothing seems to have happened to it: sessions also run out.
const JUDGE_INTERVAL: Duration = Duration::from_secs(10);

/// Something to be told.
#[derive(Clone, Debug)]
pub enum TrustFrame {
    /// All keys.
    KeySet(Vec<PublishedKey>),
    /// A part of everything that is revoked.
    Snapshot {
        /// The revocations, in the order of the log.
        revocations: Vec<Revocation>,
        /// Up to where the snapshot is complete, with its last part.
        complete: Option<TrustPosition>,
    },
    /// What was revoked since.
    Revocations {
        /// The revocations, in the order of the log.
        revocations: Vec<Revocation>,
        /// Up to where everything has been told with this.
        sequence: i64,
    },
    /// Nothing is missing.
    Heartbeat {
        /// Up to where everything has been told.
        position: TrustPosition,
        /// How long ago the reading of the log began that this stands on.
        age: Duration,
        /// The verifier's latest nonce.
        nonce: u64,
        /// What time it is here.
        now: Timestamp,
    },
}

/// A verifier's stream.
pub struct TrustWatch {
    authority: Authority,
    caller: Caller,
    lease: LeaseId,
    ends: Ends,
    news: watch::Receiver<TrustNews>,
    ring: watch::Receiver<i64>,
    /// Whether it changed while this waited.
    ring_changed: bool,
    told: Told,
    pace: TrustPace,
    heartbeat_interval: Duration,
    /// A frame that waits for a newer key set to be told before it.
    pending: Option<TrustFrame>,
    must_read_keys: bool,
    must_judge: bool,
    judge_at: Instant,
    reports: VerifierReports,
}

impl Authority {
    /// Begins to tell a verifier.
    pub async fn watch_trust(
        &self,
        caller: Caller,
        hello: &VerifierHello,
        address: Option<IpAddr>,
    ) -> Result<TrustWatch, Error> {
        let news = self.parts().store.trust().follow();
        let told = Told::up_to(hello.resume, self.position_for(hello).await?);
        let (wall, now) = (self.parts().clock.now(), monotonic_now());
        let key = self.lease_key(&caller, hello);
        let (lease, ends) = self.verifiers().admit(key, hello, address, (wall, now))?;
        let reports = VerifierReports::new(self.clone(), lease, told.position(), hello.nonce);
        let watch = TrustWatch {
            authority: self.clone(),
            caller,
            lease,
            ends,
            news,
            ring: self.parts().keys.follow(),
            ring_changed: false,
            told,
            pace: TrustPace::new(now),
            heartbeat_interval: if hello.max_staleness < SHORT_STALENESS {
                SHORT_HEARTBEAT_INTERVAL
            } else {
                HEARTBEAT_INTERVAL
            },
            pending: None,
            must_read_keys: false,
            must_judge: true,
            judge_at: now + JUDGE_INTERVAL,
            reports,
        };
        self.join_leases(lease).await;
        Ok(watch)
    }

    /// Where the log is, if that is not behind what the verifier has seen of it.
    async fn position_for(&self, hello: &VerifierHello) -> Result<TrustPosition, Error> {
        let is_behind = |position: &TrustPosition| {
            hello.resume.is_some_and(|resume| {
                resume.incarnation == position.incarnation && resume.sequence > position.sequence
            })
        };
        let trust = self.parts().store.trust();
        if is_behind(&trust.position()) {
            // Another process may have committed what the verifier has seen.
            self.follow_trust_log().await?;
        }
        let position = trust.position();
        if is_behind(&position) {
            return Err(Error::BehindVerifier);
        }
        self.look_for_loss(hello, position);
        Ok(position)
    }

    /// Since the last incarnation the log should have grown. A server that starts on an older copy of its database cannot know
    /// that; a verifier that comes back does.
    fn look_for_loss(&self, hello: &VerifierHello, position: TrustPosition) {
        let seen = hello.resume.filter(|resume| resume.incarnation != position.incarnation);
        let Some(seen) = seen.filter(|resume| resume.sequence > position.sequence) else { return };
        if self.verifiers().note_loss(position.incarnation) {
            tracing::error!(
                verifier = hello.instance,
                seen = seen.sequence,
                here = position.sequence,
                "a verifier has seen more revocations than the database holds: was an older copy of it put back? What was \
                 revoked since is good again, until `countersign fence`"
            );
        }
    }

    /// Ends what verifiers have been silent for too long.
    pub fn sweep_verifiers(&self) {
        self.verifiers().sweep(monotonic_now());
    }
}

impl TrustWatch {
    /// Cancelled when the verifier does not even read that it is to go: whoever runs its stream must drop it.
    #[must_use]
    pub fn abandoned(&self) -> CancellationToken {
        self.ends.abandoned.clone()
    }

    /// Where its reports go.
    #[must_use]
    pub fn reports(&self) -> VerifierReports {
        self.reports.clone()
    }

    /// The verifier has said goodbye.
    pub fn dismiss(self) {
        self.authority.verifiers().dismiss(self.lease);
    }

    /// The next frame, when there is one. Who drops it while it waits drops what it waits for: the stream's end, for one.
    pub async fn next(&mut self) -> Result<TrustFrame, Error> {
        loop {
            if self.must_read_keys {
                self.read_keys().await;
                self.must_read_keys = false;
            }
            if let Some(frame) = self.key_set() {
                return Ok(frame);
            }
            if let Some(frame) = self.pending.take() {
                return Ok(frame);
            }
            if let Some(frame) = self.log_entries()? {
                self.pending = Some(frame);
                continue;
            }
            self.judge_if_due().await?;
            if let Some(frame) = self.heartbeat() {
                return Ok(frame);
            }
            self.wait().await?;
        }
    }

    /// A key was revoked elsewhere that the ring here still holds. If the ring cannot be read, the revocation goes out all
    /// the same, and the new key set when it can.
    async fn read_keys(&self) {
        if let Err(error) = self.authority.parts().keys.let_go_of_revoked().await {
            tracing::debug!(%error, "the keys were not read");
        }
    }

    fn key_set(&mut self) -> Option<TrustFrame> {
        // Keys also leave with time; their tokens have expired then, and it can be told a little later.
        let changed = self.ring.has_changed().unwrap_or(true) || std::mem::take(&mut self.ring_changed);
        self.ring.mark_unchanged();
        if self.told.keys.is_some() && !changed && monotonic_now() < self.judge_at {
            return None;
        }
        let keys = self.authority.key_set();
        let same = |told: &Vec<PublishedKey>| {
            told.len() == keys.len() && told.iter().zip(&keys).all(|(one, other)| one.is_same_as(other))
        };
        if self.told.keys.as_ref().is_some_and(same) {
            return None;
        }
        self.told.keys = Some(keys.clone());
        Some(TrustFrame::KeySet(keys))
    }

    /// The next page of what the verifier does not know yet.
    fn log_entries(&mut self) -> Result<Option<TrustFrame>, Error> {
        let TrustNews { position, .. } = *self.news.borrow_and_update();
        self.begin_anew_in_another_log(position)?;
        if !self.told.snapshot && self.told.complete >= position.sequence {
            return Ok(None);
        }
        // A snapshot's parts, and the pages of more than fits into a frame, follow one another.
        let begins = !self.told.snapshot && self.told.goal.is_none();
        if begins && self.pace.puts_off(monotonic_now()) {
            return Ok(None);
        }
        let authority = self.authority.clone();
        let trust = authority.parts().store.trust();
        let (mut position, mut revocations) = trust.page(self.told.cursor, PAGE);
        while self.begin_anew_in_another_log(position)? {
            (position, revocations) = trust.page(self.told.cursor, PAGE);
        }
        self.note_what_it_means(&revocations);
        let more = revocations.last().filter(|_| revocations.len() == PAGE).map(|last| last.sequence);
        let complete = self.told.note_page(more, position.sequence);
        self.reports.note_told(self.told.position());
        Ok(Some(if self.told.snapshot {
            self.told.snapshot = !complete;
            TrustFrame::Snapshot { revocations, complete: complete.then(|| self.told.position()) }
        } else {
            self.pace.note_told(monotonic_now(), trust.followers());
            TrustFrame::Revocations { revocations, sequence: self.told.complete }
        }))
    }

    /// True if what has been told was of another log. Half of one snapshot and half of another are not told apart by who
    /// receives them.
    fn begin_anew_in_another_log(&mut self, position: TrustPosition) -> Result<bool, Error> {
        if position.incarnation == self.told.incarnation {
            return Ok(false);
        }
        if self.told.snapshot && self.told.cursor > 0 {
            return Err(Error::TrustLogReplaced);
        }
        self.told = Told { keys: self.told.keys.take(), ..Told::up_to(None, position) };
        Ok(true)
    }

    fn note_what_it_means(&mut self, revocations: &[Revocation]) {
        let keys = self.authority.parts().keys.current();
        let user = self.caller.user_id().as_uuid();
        for revocation in revocations {
            match &revocation.revoked {
                Revoked::User { user_id, .. } | Revoked::Session { user_id, .. } => {
                    self.must_judge |= *user_id == user;
                }
                // With all keys, all sessions end.
                Revoked::Key(id) => {
                    self.must_judge = true;
                    self.must_read_keys |= keys.ring.keys().keys().any(|key| key.id() == id);
                }
            }
        }
    }

    fn heartbeat(&mut self) -> Option<TrustFrame> {
        let TrustNews { position, read_began, .. } = *self.news.borrow();
        let began = read_began?;
        let due = self.told.beaten.is_none_or(|last| began >= last + self.heartbeat_interval);
        let told_all =
            position.incarnation == self.told.incarnation && position.sequence == self.told.complete;
        if !due || !told_all {
            return None;
        }
        self.told.beaten = Some(began);
        Some(TrustFrame::Heartbeat {
            position,
            age: monotonic_now().saturating_duration_since(began),
            nonce: self.reports.nonce(),
            now: self.authority.parts().clock.now(),
        })
    }

    async fn wait(&mut self) -> Result<(), Error> {
        let put_off = self.pace.put_off_until();
        let alarm = put_off.map_or(self.judge_at, |until| until.min(self.judge_at));
        tokio::select! {
            // While it rests it is known that there is something; to be woken for each more would cost what resting saves.
            _ = self.news.changed(), if put_off.is_none() => Ok(()),
            _ = self.ring.changed() => {
                self.ring_changed = true;
                Ok(())
            }
            () = sleep_until(alarm.into()) => Ok(()),
            () = self.ends.overdue.cancelled() => Err(Error::VerifierSilent),
        }
    }

    async fn judge_if_due(&mut self) -> Result<(), Error> {
        if !self.must_judge && monotonic_now() < self.judge_at {
            return Ok(());
        }
        match self.judge().await {
            // It is told what there is to tell; who may hear it can be found out later.
            Err(Error::StoreUnavailable(_)) => {}
            verdict => {
                verdict?;
                self.must_judge = false;
            }
        }
        self.judge_at = monotonic_now() + JUDGE_INTERVAL;
        Ok(())
    }

    /// Whether the caller may still watch: by its session, or by the password that it came with, and by its role.
    async fn judge(&self) -> Result<(), Error> {
        let parts = self.authority.parts();
        let user = match self.caller.proof() {
            Proof::Token { claims, .. } => {
                let id = SessionId::from_uuid(claims.session_id);
                let found = parts.store.lookup_session_with_user(id).await?;
                let (session, user) = found.ok_or(Error::TokenRevoked)?;
                session.standing(parts.clock.now(), &parts.policy.sessions).check()?;
                user
            }
            Proof::Password => {
                let user = parts.store.lookup_user(self.caller.user_id()).await?;
                let proven = |proof| self.caller.user_at().proven == ProvenAt::Password(proof);
                user.filter(|user| proven(user.proof())).ok_or(Error::CredentialsInvalid)?
            }
        };
        if user.state != UserState::Active {
            return Err(self.caller.explain(Error::PermissionEnded));
        }
        if user.roles.iter().any(|role| role == VERIFIER) { Ok(()) } else { Err(Error::RoleRequired) }
    }
}

impl Drop for TrustWatch {
    fn drop(&mut self) {
        self.authority.verifiers().lose(self.lease);
    }
}

impl PublishedKey {
    /// Its state moves on with time alone, and the times tell it beforehand.
    fn is_same_as(&self, other: &Self) -> bool {
        self.key == other.key
            && (self.sign_from, self.sign_until, self.verify_until)
                == (other.sign_from, other.sign_until, other.verify_until)
    }
}
