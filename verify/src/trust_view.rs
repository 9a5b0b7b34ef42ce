//! What a verifier knows about trust that was told so by a stream of frames: the keys, the revocations, up to where it knows
//! all of them, and since when that is proven. No stream, no clock: times are arguments, each as the time since some moment
//! that stays the same.
//!
//! ```text
//! (nothing) --key set--> (keys) --snapshot, its last part--> (position) --heartbeat--> (proven)
//!                                                             ^ revocations: forward ^
//! ```
//!
//! From then on it stays proven, and only gets older. It never goes back: within an incarnation a position is followed by a
//! later one; another incarnation takes the place of everything. A new stream leaves all that is known in force and goes on
//! from there. A frame that would break this is an error of whoever sent it, and changes nothing: the stream is to be given
//! up, and what is known is kept.
//!
//! How fresh it is cannot be told by when a heartbeat arrives: a proxy may have kept it, or this process may have slept. A
//! heartbeat repeats a nonce, hence was made after that was sent. What it proves is as old as the nonce, plus what the
//! heartbeat says itself.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use super::partial_snapshot::{PartialSnapshot, rises};
use super::{Claims, KeyId, KeySet, Revocation, Revocations, TrustFrame, TrustPosition, TrustedKey};

/// How many nonces may be on their way. Who sends more than these before one comes back has the oldest ones forgotten.
const MAX_NONCES: usize = 1024;

/// How many revocations are kept unless it is said otherwise, and how many a snapshot may bring beside them before it is
/// whole. One is remembered until the last token has expired that it hits, and a minute longer: where tokens live for ten
/// minutes, a server would have to revoke 3,000 times a second all the while to have this many, and 570 times where they
/// live for an hour, the longest. Measured, one takes 200 to 400 bytes; so these take 850 MB at most.
const MAX_REVOCATIONS: usize = 1 << 21;

/// How many keys a set may have. A ring has a few, and one more for each rotation whose tokens are still alive.
const MAX_KEYS: usize = 1024;

/// What a verifier knows.
#[derive(Debug)]
pub struct TrustView {
    /// How many revocations are kept.
    at_most: usize,
    keys: Arc<KeySet>,
    /// Until when each key of the set may be trusted.
    verify_until: HashMap<KeyId, Option<i64>>,
    revocations: Revocations,
    position: Option<TrustPosition>,
    proof: Option<Proof>,
    stream: Stream,
}

/// What has come on the present stream and is not knowledge yet.
#[derive(Debug, Default)]
struct Stream {
    has_keys: bool,
    /// As much of a snapshot as has come.
    snapshot: Option<PartialSnapshot>,
    /// Up to where the last whole one was complete.
    last_snapshot: Option<TrustPosition>,
    /// The nonces that can still be repeated, and when each was sent, the oldest first.
    nonces: VecDeque<(u64, Duration)>,
}

/// All that was committed `age` before `sent` is known.
#[derive(Clone, Copy, Debug)]
struct Proof {
    sent: Duration,
    age: Duration,
}

/// What a frame has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// Nothing that a check of a token would notice.
    Nothing,
    /// The set of keys.
    Keys,
    /// What is revoked, or up to where that is known: to be acknowledged.
    Revocations,
    /// How fresh it is.
    Freshness,
    /// Only that a nonce has come back that was sent after the one before.
    Answer,
}

/// A frame that cannot be: the stream is broken, and what is known stays as it was.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
pub enum TrustError {
    /// The key set comes before anything else.
    #[error("the stream does not begin with the key set")]
    NoKeySet,
    /// Nothing tells to what the frame adds.
    #[error("a frame came before any snapshot")]
    NoPosition,
    /// Something else came between the parts of a snapshot, or parts of another one.
    #[error("a snapshot was interrupted")]
    Interrupted,
    /// Older than what is known, in the same incarnation; or the same snapshot again.
    #[error("a frame goes back behind what is known")]
    WentBack,
    /// A heartbeat of another incarnation, or for a position up to which nothing has come.
    #[error("a heartbeat claims what has not been sent")]
    Unfounded,
    /// The revocations of a frame do not come in the order of the log; or one has the number of another one that is
    /// known, which would be forgotten for it.
    #[error("revocations do not come in the order of the log")]
    Disordered,
    /// More than are kept.
    #[error("there are more revocations than a verifier keeps")]
    TooManyRevocations,
    /// More than a ring can have.
    #[error("there are more keys than a verifier keeps")]
    TooManyKeys,
}

impl Default for TrustView {
    fn default() -> Self {
        Self::keeping_at_most(MAX_REVOCATIONS)
    }
}

impl TrustView {
    /// One that knows nothing, and will keep so many revocations: a frame that would bring more is refused. Until the last
    /// part of a snapshot has come, it takes as many beside them.
    #[must_use]
    pub fn keeping_at_most(revocations: usize) -> Self {
        Self {
            at_most: revocations,
            keys: Arc::default(),
            verify_until: HashMap::new(),
            revocations: Revocations::default(),
            position: None,
            proof: None,
            stream: Stream::default(),
        }
    }

    /// Begins another stream: whatever the last one had not finished is dropped. From where to resume.
    pub fn begin_stream(&mut self) -> Option<TrustPosition> {
        self.stream = Stream::default();
        self.position
    }

    /// Remembers a nonce that is about to be sent at the moment `now`.
    pub fn expect_nonce(&mut self, nonce: u64, now: Duration) {
        let nonces = &mut self.stream.nonces;
        if nonces.len() == MAX_NONCES {
            nonces.pop_front();
        }
        nonces.push_back((nonce, now));
    }

    /// Takes one frame that came at the moment `now`.
    pub fn apply(&mut self, frame: TrustFrame, now: Duration) -> Result<Applied, TrustError> {
        match frame {
            TrustFrame::KeySet(keys) => self.take_keys(keys),
            _ if !self.stream.has_keys => Err(TrustError::NoKeySet),
            TrustFrame::Snapshot { revocations, complete } => self.take_part(&revocations, complete),
            _ if self.stream.snapshot.is_some() => Err(TrustError::Interrupted),
            TrustFrame::Revocations { revocations, sequence } => {
                self.take_revocations(&revocations, sequence)
            }
            TrustFrame::Heartbeat { position, age, nonce } => {
                self.check_heartbeat(position)?;
                Ok(self.take_proof(age, nonce, now))
            }
        }
    }

    /// The keys with which a token may be signed.
    #[must_use]
    pub fn keys(&self) -> Arc<KeySet> {
        Arc::clone(&self.keys)
    }

    /// Whether a key is still of the set, and its time is not over at `now_millis`: an old key that leaks must not sign
    /// for those who have not heard for long.
    #[must_use]
    pub fn trusts(&self, key_id: &KeyId, now_millis: i64) -> bool {
        self.verify_until.get(key_id).is_some_and(|until| until.is_none_or(|until| now_millis < until))
    }

    /// Whether a token that says `claims`, signed by `key_id`, has been revoked.
    #[must_use]
    pub fn has_revoked(&self, claims: &Claims, key_id: &KeyId) -> bool {
        self.revocations.hit(claims, key_id)
    }

    /// Whether a token that is signed with no key of the set names one that has been revoked, which it then says of itself
    /// alone: nothing proves it.
    #[must_use]
    pub fn names_revoked_key(&self, token: &str) -> bool {
        KeyId::named_by(token).is_some_and(|key_id| self.revocations.hit_key(&key_id))
    }

    /// How many revocations are remembered.
    #[must_use]
    pub fn revocation_count(&self) -> usize {
        self.revocations.len()
    }

    /// Up to where everything is known; `None` before the first whole snapshot.
    #[must_use]
    pub const fn position(&self) -> Option<TrustPosition> {
        self.position
    }

    /// How old at most what is known is at the moment `now`: of what was revoked longer ago than this, nothing is missing.
    /// `None` before the first proof; then there are no keys, no revocations, or both, and nothing can be decided.
    #[must_use]
    pub fn staleness(&self, now: Duration) -> Option<Duration> {
        self.proof.map(|proof| proof.staleness(now))
    }

    /// Forgets up to `at_most` revocations that no token can meet any more at `now_millis`. True if there may be more.
    pub fn forget(&mut self, now_millis: i64, at_most: usize) -> bool {
        self.revocations.forget(now_millis, at_most)
    }

    fn take_keys(&mut self, keys: Vec<TrustedKey>) -> Result<Applied, TrustError> {
        if keys.len() > MAX_KEYS {
            return Err(TrustError::TooManyKeys);
        }
        self.stream.has_keys = true;
        let verify_until: HashMap<_, _> =
            keys.iter().map(|trusted| (trusted.key.id().clone(), trusted.verify_until)).collect();
        if verify_until == self.verify_until {
            return Ok(Applied::Nothing);
        }
        self.verify_until = verify_until;
        self.keys = Arc::new(KeySet::new(keys.into_iter().map(|trusted| trusted.key)));
        Ok(Applied::Keys)
    }

    /// The parts wait for the last one: half a snapshot is no knowledge. A last part that came twice would be taken for a
    /// whole snapshot.
    fn take_part(
        &mut self,
        revocations: &[Revocation],
        complete: Option<TrustPosition>,
    ) -> Result<Applied, TrustError> {
        let nothing = PartialSnapshot::default();
        self.stream.snapshot.as_ref().unwrap_or(&nothing).check(revocations, self.at_most)?;
        let again = |position| self.stream.last_snapshot == Some(position);
        if complete.is_some_and(|position| self.is_behind(position) || again(position)) {
            return Err(TrustError::WentBack);
        }
        let mut snapshot = self.stream.snapshot.take().unwrap_or(nothing);
        snapshot.add(revocations);
        let Some(position) = complete else {
            self.stream.snapshot = Some(snapshot);
            return Ok(Applied::Nothing);
        };
        self.revocations = snapshot.into_revocations();
        self.stream.last_snapshot = complete;
        self.position = Some(position);
        Ok(Applied::Revocations)
    }

    /// What has come counts at once, even if it is only some of what belongs to the next position; and what lies beyond that,
    /// which has superseded something before it. What has come before may come again.
    fn take_revocations(&mut self, revocations: &[Revocation], sequence: i64) -> Result<Applied, TrustError> {
        let known = self.position.as_mut().ok_or(TrustError::NoPosition)?;
        if sequence < known.sequence {
            return Err(TrustError::WentBack);
        }
        if !rises(revocations) || revocations.iter().any(|revocation| self.revocations.contradict(revocation))
        {
            return Err(TrustError::Disordered);
        }
        // Those that are known count twice, and are few: a frame is small beside the bound.
        if self.revocations.len().saturating_add(revocations.len()) > self.at_most {
            return Err(TrustError::TooManyRevocations);
        }
        known.sequence = sequence;
        revocations.iter().for_each(|revocation| self.revocations.add(revocation));
        Ok(Applied::Revocations)
    }

    fn check_heartbeat(&self, position: TrustPosition) -> Result<(), TrustError> {
        let known = self.position.ok_or(TrustError::NoPosition)?;
        if self.is_behind(position) {
            return Err(TrustError::WentBack);
        }
        if known == position { Ok(()) } else { Err(TrustError::Unfounded) }
    }

    /// A nonce that nobody knows proves nothing, nor does one that would make what is known look older.
    fn take_proof(&mut self, age: Duration, nonce: u64, now: Duration) -> Applied {
        let nonces = &mut self.stream.nonces;
        let Some(place) = nonces.iter().rposition(|(sent, _)| *sent == nonce) else {
            return Applied::Nothing;
        };
        let proof = Proof { sent: nonces[place].1, age };
        nonces.drain(..place);
        if self.staleness(now).is_some_and(|staleness| staleness <= proof.staleness(now)) {
            return if place > 0 { Applied::Answer } else { Applied::Nothing };
        }
        self.proof = Some(proof);
        Applied::Freshness
    }

    fn is_behind(&self, position: TrustPosition) -> bool {
        self.position.is_some_and(|known| {
            known.incarnation == position.incarnation && position.sequence < known.sequence
        })
    }
}

impl Proof {
    fn staleness(self, now: Duration) -> Duration {
        now.saturating_sub(self.sent).saturating_add(self.age)
    }
}
