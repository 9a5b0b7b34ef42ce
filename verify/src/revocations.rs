//! What has been revoked and must still be remembered: the trust state that every check of a token asks, on cached
//! tokens too. Owns the decision and the forgetting; where revocations come from, and how fresh they are, is not known
//! here.
//!
//! A user has an epoch, which its tokens carry: whatever ends all of them raises it, and the tokens of lower ones are
//! refused. So a user takes one entry however many tokens it had. The ends of single sessions are kept beside it, and
//! dropped when the epoch is raised after them. Everything is forgotten when the last token that it hits has expired.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use uuid::Uuid;

use super::{Claims, KeyId};

/// One revocation, as it stands in the trust log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revocation {
    /// Its place in the log: later ones have higher numbers.
    pub sequence: i64,
    /// What it revokes.
    pub revoked: Revoked,
    /// When the last token that it hits has expired, in milliseconds since the Unix epoch: from then on it need not be
    /// remembered.
    pub forget_at: i64,
}

/// What a revocation revokes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Revoked {
    /// All tokens of a user whose epoch is lower than this.
    User {
        /// The user.
        user_id: Uuid,
        /// The lowest epoch that is still good.
        below_epoch: i64,
    },
    /// All tokens of a session.
    Session {
        /// Its user.
        user_id: Uuid,
        /// The session.
        session_id: Uuid,
    },
    /// All tokens that a key has signed.
    Key(KeyId),
}

/// The revocations that count: by their places in the log, and by what they revoke.
#[derive(Clone, Debug, Default)]
pub struct Revocations {
    /// What is revoked, and when that may be forgotten, by its place in the log.
    log: BTreeMap<i64, (Revoked, i64)>,
    /// By the moment at which it may be forgotten, and its place.
    to_forget: BTreeSet<(i64, i64)>,
    users: HashMap<Uuid, User>,
    /// The places of sessions and keys.
    sessions: HashMap<Uuid, i64>,
    keys: HashMap<KeyId, i64>,
}

#[derive(Clone, Debug, Default)]
struct User {
    below_epoch: i64,
    /// The place of the raise of its epoch.
    raised: Option<i64>,
    /// Its sessions that ended since.
    sessions: Vec<Uuid>,
}

impl Revoked {
    /// Whether both are about one user, one session or one key.
    fn is_of_the_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::User { user_id, .. }, Self::User { user_id: other, .. }) => user_id == other,
            (Self::Session { session_id, .. }, Self::Session { session_id: other, .. }) => {
                session_id == other
            }
            (Self::Key(key_id), Self::Key(other)) => key_id == other,
            _ => false,
        }
    }
}

impl Revocations {
    /// Whether a token that says `claims`, signed by `key_id`, has been revoked. Costs three look-ups.
    #[must_use]
    pub fn hit(&self, claims: &Claims, key_id: &KeyId) -> bool {
        self.users.get(&claims.subject).is_some_and(|user| claims.epoch < user.below_epoch)
            || self.sessions.contains_key(&claims.session_id)
            || self.keys.contains_key(key_id)
    }

    /// Whether a key has been revoked: it must not sign either.
    #[must_use]
    pub fn hit_key(&self, key_id: &KeyId) -> bool {
        self.keys.contains_key(key_id)
    }

    /// Takes one more revocation. The same one twice is one; the order does not matter.
    pub fn add(&mut self, revocation: &Revocation) {
        let Revocation { sequence, revoked, forget_at } = revocation;
        match revoked {
            Revoked::User { user_id, below_epoch } => {
                self.raise_epoch(*user_id, *below_epoch, *sequence, *forget_at);
            }
            Revoked::Session { user_id, session_id } => {
                self.end_session(*user_id, *session_id, *sequence, *forget_at);
            }
            Revoked::Key(key_id) => {
                let (sequence, forget_at) =
                    self.take_out(self.keys.get(key_id).copied(), *sequence, *forget_at);
                self.keys.insert(key_id.clone(), sequence);
                self.put_in(sequence, revoked.clone(), forget_at);
            }
        }
    }

    /// Whether another one is known by this one's number, which no log gives twice. To take it would forget that one.
    #[must_use]
    pub fn contradict(&self, revocation: &Revocation) -> bool {
        let known = self.log.get(&revocation.sequence);
        known.is_some_and(|(known, _)| !known.is_of_the_same(&revocation.revoked))
    }

    /// Up to `at_most` of what came after the place `after` and not after `through`, in the order of the log. What is not
    /// among it has been forgotten, or something that came later has taken its place.
    #[must_use]
    pub fn page(&self, after: i64, through: i64, at_most: usize) -> Vec<Revocation> {
        if after >= through {
            return Vec::new();
        }
        let entries = self.log.range(after.saturating_add(1)..=through).take(at_most);
        entries
            .map(|(sequence, (revoked, forget_at))| Revocation {
                sequence: *sequence,
                revoked: revoked.clone(),
                forget_at: *forget_at,
            })
            .collect()
    }

    /// Forgets up to `at_most` of those whose time has come at `now_millis`, so that nobody waits for it long. True if
    /// there may be more.
    pub fn forget(&mut self, now_millis: i64, at_most: usize) -> bool {
        for _ in 0..at_most {
            let Some(first) = self.to_forget.first().copied().filter(|(at, _)| *at <= now_millis) else {
                return false;
            };
            self.to_forget.remove(&first);
            self.drop_entry(first.1);
        }
        true
    }

    /// How many entries there are, for those who watch their memory.
    #[must_use]
    pub fn len(&self) -> usize {
        self.log.len()
    }

    /// Whether nothing is revoked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.log.is_empty()
    }

    /// All tokens of the sessions that ended before have lower epochs: the raise takes their place, and that of an earlier
    /// raise.
    fn raise_epoch(&mut self, user_id: Uuid, below_epoch: i64, sequence: i64, forget_at: i64) {
        let mut user = self.users.remove(&user_id).unwrap_or_default();
        let (sequence, mut forget_at) = self.take_out(user.raised, sequence, forget_at);
        for session_id in std::mem::take(&mut user.sessions) {
            match self.sessions.get(&session_id).copied() {
                Some(place) if place < sequence => {
                    self.sessions.remove(&session_id);
                    (_, forget_at) = self.take_out(Some(place), sequence, forget_at);
                }
                Some(_) => user.sessions.push(session_id),
                None => {}
            }
        }
        user.below_epoch = user.below_epoch.max(below_epoch);
        user.raised = Some(sequence);
        self.put_in(sequence, Revoked::User { user_id, below_epoch: user.below_epoch }, forget_at);
        self.users.insert(user_id, user);
    }

    fn end_session(&mut self, user_id: Uuid, session_id: Uuid, sequence: i64, forget_at: i64) {
        let user = self.users.get(&user_id);
        if let Some((raised, below_epoch)) = user.and_then(|user| Some((user.raised?, user.below_epoch)))
            && raised > sequence
        {
            let (_, forget_at) = self.take_out(Some(raised), raised, forget_at);
            return self.put_in(raised, Revoked::User { user_id, below_epoch }, forget_at);
        }
        self.part_from_others(session_id, user_id);
        let known = self.sessions.get(&session_id).copied();
        let user = self.users.entry(user_id).or_default();
        if known.is_none() {
            user.sessions.push(session_id);
        }
        let (sequence, forget_at) = self.take_out(known, sequence, forget_at);
        self.sessions.insert(session_id, sequence);
        self.put_in(sequence, Revoked::Session { user_id, session_id }, forget_at);
    }

    /// A session has one user for ever. Under one after another it would leave each of them behind, in memory that no entry
    /// accounts for.
    fn part_from_others(&mut self, session_id: Uuid, user_id: Uuid) {
        let Some(place) = self.sessions.get(&session_id).copied() else { return };
        let is_of_another = |revoked: &Revoked| matches!(revoked, Revoked::Session { user_id: known, .. } if *known != user_id);
        if self.log.get(&place).is_some_and(|(revoked, _)| is_of_another(revoked)) {
            self.drop_entry(place);
        }
    }

    /// Takes an entry out whose place another one takes: the later place and the later moment of both.
    fn take_out(&mut self, place: Option<i64>, sequence: i64, forget_at: i64) -> (i64, i64) {
        let Some(place) = place else { return (sequence, forget_at) };
        let Some((_, at)) = self.log.remove(&place) else { return (sequence.max(place), forget_at) };
        self.to_forget.remove(&(at, place));
        (sequence.max(place), forget_at.max(at))
    }

    fn put_in(&mut self, sequence: i64, revoked: Revoked, forget_at: i64) {
        // Two with one number are of no log that there is; the first one must leave nothing behind.
        self.drop_entry(sequence);
        self.log.insert(sequence, (revoked, forget_at));
        self.to_forget.insert((forget_at, sequence));
    }

    fn drop_entry(&mut self, sequence: i64) {
        let Some((revoked, at)) = self.log.remove(&sequence) else { return };
        self.to_forget.remove(&(at, sequence));
        match revoked {
            Revoked::User { user_id, .. } => {
                if let Some(user) = self.users.get_mut(&user_id) {
                    (user.below_epoch, user.raised) = (0, None);
                }
                self.drop_if_empty(user_id);
            }
            Revoked::Session { user_id, session_id } => {
                self.sessions.remove(&session_id);
                if let Some(user) = self.users.get_mut(&user_id) {
                    user.sessions.retain(|known| *known != session_id);
                }
                self.drop_if_empty(user_id);
            }
            Revoked::Key(key_id) => {
                self.keys.remove(&key_id);
            }
        }
    }

    fn drop_if_empty(&mut self, user_id: Uuid) {
        if self.users.get(&user_id).is_some_and(|user| user.sessions.is_empty() && user.raised.is_none()) {
            self.users.remove(&user_id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_that_is_said_to_be_of_ever_other_users_takes_the_memory_of_one() {
        let mut revocations = Revocations::default();
        for user in 1..=1000_i64 {
            let user_id = Uuid::from_u128(u128::from(user.unsigned_abs()));
            let revoked = Revoked::Session { user_id, session_id: Uuid::nil() };
            revocations.add(&Revocation { sequence: user, revoked, forget_at: 100 });
        }
        assert_eq!((revocations.len(), revocations.users.len(), revocations.sessions.len()), (1, 1, 1));
        revocations.forget(100, 10);
        assert!(revocations.users.is_empty() && revocations.sessions.is_empty());
    }
}
