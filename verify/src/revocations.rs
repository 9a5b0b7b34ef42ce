//! What has been revoked and must still be remembered: the trust state that every check of a token asks, on cached
//! tokens too. Owns the decision and the forgetting; where revocations come from, and how fresh they are, is not known
//! here.
//!
//! A user has an epoch, which its tokens carry: whatever ends all of them raises it, and the tokens of lower ones are
//! refused. So a user takes one entry however many tokens it had. The ends of single sessions are kept beside it, and
//! dropped when the epoch is raised after them. Everything is forgotten when the last token that it hits has expired.

use std::collections::{BTreeMap, HashMap};

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

/// The revocations that count, by what they revoke.
#[derive(Clone, Debug, Default)]
pub struct Revocations {
    users: HashMap<Uuid, User>,
    sessions: HashMap<Uuid, i64>,
    keys: HashMap<KeyId, i64>,
    /// By the moment at which it may be forgotten, and its place in the log.
    to_forget: BTreeMap<(i64, i64), Revoked>,
}

#[derive(Clone, Debug, Default)]
struct User {
    below_epoch: i64,
    /// When the raise of its epoch may be forgotten.
    forget_at: i64,
    /// Its ended sessions, each with its revocation's place in the log.
    sessions: Vec<(Uuid, i64)>,
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
        let forget_at = match revoked {
            Revoked::User { user_id, below_epoch } => {
                self.raise_epoch(*user_id, *below_epoch, *sequence, *forget_at)
            }
            Revoked::Session { user_id, session_id } => {
                let sessions = &mut self.users.entry(*user_id).or_default().sessions;
                if self.sessions.insert(*session_id, *forget_at).is_none() {
                    sessions.push((*session_id, *sequence));
                }
                *forget_at
            }
            Revoked::Key(key_id) => {
                self.keys.insert(key_id.clone(), *forget_at);
                *forget_at
            }
        };
        self.to_forget.insert((forget_at, *sequence), revoked.clone());
    }

    /// Forgets up to `at_most` of those whose time has come at `now_millis`, so that nobody waits for it long. True if
    /// there may be more.
    pub fn forget(&mut self, now_millis: i64, at_most: usize) -> bool {
        for _ in 0..at_most {
            let Some(first) = self.to_forget.first_entry().filter(|first| first.key().0 <= now_millis) else {
                return false;
            };
            match first.remove() {
                Revoked::User { user_id, .. } => self.forget_user(user_id, now_millis),
                Revoked::Session { user_id, session_id } => {
                    self.forget_session(user_id, session_id, now_millis);
                }
                Revoked::Key(key_id) => {
                    if self.keys.get(&key_id).is_some_and(|at| *at <= now_millis) {
                        self.keys.remove(&key_id);
                    }
                }
            }
        }
        true
    }

    /// How many entries there are, for those who watch their memory.
    #[must_use]
    pub fn len(&self) -> usize {
        self.users.len() + self.sessions.len() + self.keys.len()
    }

    /// Whether nothing is revoked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All tokens of the sessions that ended before have lower epochs: the raise takes their place. When it may be
    /// forgotten itself.
    fn raise_epoch(&mut self, user_id: Uuid, below_epoch: i64, sequence: i64, forget_at: i64) -> i64 {
        let user = self.users.entry(user_id).or_default();
        user.below_epoch = user.below_epoch.max(below_epoch);
        user.forget_at = user.forget_at.max(forget_at);
        for (session_id, place) in user.sessions.extract_if(.., |(_, place)| *place < sequence) {
            if let Some(at) = self.sessions.remove(&session_id) {
                self.to_forget.remove(&(at, place));
                user.forget_at = user.forget_at.max(at);
            }
        }
        user.forget_at
    }

    fn forget_user(&mut self, user_id: Uuid, now_millis: i64) {
        let Some(user) = self.users.get_mut(&user_id) else { return };
        if user.forget_at <= now_millis {
            user.below_epoch = 0;
            self.drop_if_empty(user_id);
        }
    }

    fn forget_session(&mut self, user_id: Uuid, session_id: Uuid, now_millis: i64) {
        if self.sessions.get(&session_id).is_some_and(|at| *at <= now_millis) {
            self.sessions.remove(&session_id);
            if let Some(user) = self.users.get_mut(&user_id) {
                user.sessions.retain(|(known, _)| *known != session_id);
            }
        }
        self.drop_if_empty(user_id);
    }

    fn drop_if_empty(&mut self, user_id: Uuid) {
        if self.users.get(&user_id).is_some_and(|user| user.sessions.is_empty() && user.below_epoch == 0) {
            self.users.remove(&user_id);
        }
    }
}
