//! What the model knows: users, their sessions, tokens and reset codes, and how each of them stands at a moment.

use std::collections::BTreeMap;

use countersign::pb::auth::v1::SecurityEventKind;
use tonic::Code;

use crate::harness::{Credentials, Refused};

pub const SECOND: i64 = 1000;
pub const MINUTE: i64 = 60 * SECOND;
pub const HOUR: i64 = 60 * MINUTE;
pub const DAY: i64 = 24 * HOUR;
/// How long the name of a deleted user is nobody's.
pub const NAME_REST: i64 = 90 * DAY;
/// Countersign's own audience, and the other one that is configured.
pub const OWN: &str = "countersign";
pub const OTHER: &str = "billing";

/// The number of something; a history calls it by it.
pub type Id = usize;

pub struct World {
    /// Milliseconds since the Unix epoch.
    pub now: i64,
    pub limits: Limits,
    pub users: Vec<User>,
    pub sessions: BTreeMap<Id, Session>,
    pub tokens: BTreeMap<Id, Token>,
    pub codes: BTreeMap<Id, ResetCode>,
    /// The latest last.
    pub events: Vec<Event>,
    pub next: Id,
}

/// How long sessions last, in milliseconds, and how many a user may have.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub idle: i64,
    pub absolute: i64,
    pub per_user: usize,
}

pub struct User {
    /// As the server calls it.
    pub id: String,
    /// As typed at registration.
    pub name: String,
    pub password: String,
    pub roles: Vec<String>,
    pub state: State,
    /// Tokens of an older one are revoked.
    pub epoch: usize,
    pub created: i64,
    /// The one reset code that is not spent, replaced or discarded.
    pub code: Option<Id>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Active,
    Disabled,
    /// Since when.
    Deleted(i64),
}

pub struct Session {
    /// As the server calls it.
    pub id: String,
    pub user: Id,
    pub opened: i64,
    /// When a token was last issued from it, as far as that is written down.
    pub used: i64,
    /// The last password or refresh.
    pub proven: i64,
    pub ended: bool,
    /// All its refresh tokens, the last one current.
    pub chain: Vec<Link>,
}

pub struct Link {
    pub text: String,
    /// What it was spent with, if it was spent with a key.
    pub key: Vec<u8>,
}

pub struct Token {
    pub text: String,
    pub session: Id,
    pub epoch: usize,
    pub roles: Vec<String>,
    pub audience: &'static str,
    /// Seconds since the Unix epoch.
    pub expires: i64,
}

pub struct ResetCode {
    pub text: String,
    pub user: Id,
    pub expires: i64,
}

/// What an admin is told of what happened, but for sign-in failures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    pub kind: SecurityEventKind,
    pub at: i64,
    pub count: usize,
    /// As the server calls them; nothing where nobody is told.
    pub user: String,
    pub actor: String,
    pub session: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    Live,
    Expired,
    Ended,
}

/// What is presented for a call.
#[derive(Clone, Debug)]
pub enum Proof {
    Nothing,
    Unreadable,
    Bearer(Id),
    /// A token as the name in Basic.
    AsName(Id),
    Password(String, String),
}

/// Whom a proof speaks for.
pub struct Caller {
    pub user: Id,
    pub session: Option<Id>,
    pub roles: Vec<String>,
}

impl World {
    pub fn number(&mut self) -> Id {
        self.next += 1;
        self.next
    }

    /// Notes what happened to a user. Who did it is told if it was somebody else.
    pub fn happened(&mut self, kind: SecurityEventKind, user: Id, by: Option<Id>) -> &mut Event {
        let actor = by.filter(|actor| *actor != user).map(|actor| self.users[actor].id.clone());
        let user = self.users[user].id.clone();
        let actor = actor.unwrap_or_default();
        self.events.push(Event { kind, at: self.now, count: 1, user, actor, session: String::new() });
        self.events.last_mut().unwrap()
    }

    pub fn seconds(&self) -> i64 {
        self.now / SECOND
    }

    pub fn end_of(&self, session: &Session) -> i64 {
        session.opened + self.limits.absolute
    }

    /// The nearer of its two limits.
    pub fn expiry_of(&self, session: &Session) -> i64 {
        self.end_of(session).min(session.used + self.limits.idle)
    }

    /// The absolute limit goes before an end: nobody is asked to remember for longer how a session came to be over.
    pub fn standing(&self, session: Id) -> Standing {
        let session = &self.sessions[&session];
        if self.now >= self.end_of(session) {
            Standing::Expired
        } else if session.ended {
            Standing::Ended
        } else if self.now >= self.expiry_of(session) {
            Standing::Expired
        } else {
            Standing::Live
        }
    }

    /// The live sessions of a user, the last used first.
    pub fn live_of(&self, user: Id) -> Vec<Id> {
        let of_user = self.sessions.iter().filter(|(_, session)| session.user == user);
        let mut live: Vec<Id> =
            of_user.map(|(id, _)| *id).filter(|id| self.standing(*id) == Standing::Live).collect();
        live.sort_by_key(|id| std::cmp::Reverse(self.sessions[id].used));
        live
    }

    /// The key of a token is known as long as its session may live after it, at least; later it may be nobody's token.
    pub fn forget_keys(&mut self) {
        let (now, kept) = (self.now, self.limits.absolute);
        self.tokens.retain(|_, token| now < token.expires * SECOND + kept);
    }

    /// What a token is good for: one for others is none here, and expiry goes before revocation.
    pub fn check_token(&self, token: Id) -> Result<(), Refused> {
        let token = &self.tokens[&token];
        let session = &self.sessions[&token.session];
        if token.audience != OWN {
            Err(Refused::unauthenticated("TOKEN_INVALID"))
        } else if self.now >= token.expires * SECOND {
            Err(Refused::unauthenticated("TOKEN_EXPIRED"))
        } else if session.ended || token.epoch < self.users[session.user].epoch {
            Err(Refused::unauthenticated("TOKEN_REVOKED"))
        } else {
            Ok(())
        }
    }

    pub fn caller(&self, proof: &Proof) -> Result<Caller, Refused> {
        match proof {
            Proof::Nothing => Err(Refused::unauthenticated("CREDENTIALS_MISSING")),
            Proof::Unreadable => Err(invalid()),
            Proof::Bearer(token) | Proof::AsName(token) => {
                self.check_token(*token)?;
                let Token { session, roles, .. } = &self.tokens[token];
                let user = self.sessions[session].user;
                Ok(Caller { user, session: Some(*session), roles: roles.clone() })
            }
            Proof::Password(name, password) => {
                let user = self.prove(self.named(name), password)?;
                Ok(Caller { user, session: None, roles: self.users[user].roles.clone() })
            }
        }
    }

    /// The user of this name, in whatever case.
    pub fn named(&self, name: &str) -> Option<Id> {
        let is_it = |user: &User| user.is_there() && user.name.eq_ignore_ascii_case(name);
        self.users.iter().position(is_it)
    }

    pub fn prove(&self, user: Option<Id>, password: &str) -> Result<Id, Refused> {
        let proven = |&id: &Id| self.users[id].state == State::Active && self.users[id].password == password;
        user.filter(proven).ok_or_else(invalid)
    }

    pub fn credentials<'a>(&'a self, proof: &'a Proof) -> Credentials<'a> {
        match proof {
            Proof::Nothing => Credentials::None,
            Proof::Unreadable => Credentials::Raw("Digest x"),
            Proof::Bearer(token) => Credentials::Bearer(&self.tokens[token].text),
            Proof::AsName(token) => Credentials::Basic(&self.tokens[token].text, "x"),
            Proof::Password(name, password) => Credentials::Basic(name, password),
        }
    }

    pub fn check_code(&self, code: Id) -> Result<Id, Refused> {
        let ResetCode { user, expires, .. } = &self.codes[&code];
        let owner = &self.users[*user];
        let good = owner.state == State::Active && owner.code == Some(code) && self.now < *expires;
        if good { Ok(*user) } else { Err(invalid()) }
    }
}

impl User {
    pub fn is_there(&self) -> bool {
        !matches!(self.state, State::Deleted(_))
    }

    pub fn has(&self, role: &str) -> bool {
        self.roles.iter().any(|own| own == role)
    }
}

impl Caller {
    pub fn has_any(&self, roles: &[&str]) -> bool {
        self.roles.iter().any(|own| roles.contains(&own.as_str()))
    }
}

pub fn invalid() -> Refused {
    Refused::unauthenticated("CREDENTIALS_INVALID")
}

pub fn role_required() -> Refused {
    Refused::new(Code::PermissionDenied, "ROLE_REQUIRED")
}
