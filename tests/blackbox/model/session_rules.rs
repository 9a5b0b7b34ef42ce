//! What calls do with sessions and their tokens, by the contract.

use std::ops::RangeInclusive;

use countersign::pb::auth::v1::SecurityEventKind as Kind;
use tonic::Code;

use super::world::{Caller, Id, Link, OTHER, OWN, Proof, SECOND, Session, Standing, Token, World};
use crate::harness::Refused;

/// The lifetime of a token for whom none is asked, and the longest, in seconds.
const DEFAULT: i64 = 600;
const LONGEST: i64 = 3600;

/// Tokens that the answer has to bring.
pub struct Minted {
    pub token: Id,
    pub session: Id,
    /// When the access token may expire, in seconds since the Unix epoch.
    pub expires: RangeInclusive<i64>,
    pub refresh: Fresh,
}

/// The refresh token of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fresh {
    None,
    New,
    /// The one that was given before.
    Again,
}

/// A refresh token and what is sent beside it.
#[derive(Clone, Debug)]
pub struct Spending {
    pub session: Id,
    /// Which of the session's tokens, from 0.
    pub generation: usize,
    pub key: Vec<u8>,
    pub audience: &'static str,
}

pub fn configured(audience: &str) -> Result<&'static str, Refused> {
    match audience {
        "" | OWN => Ok(OWN),
        OTHER => Ok(OTHER),
        _ => Err(Refused::field("audience")),
    }
}

/// The span that is granted for the one that is asked for, in milliseconds; in seconds.
pub fn granted(asked: Option<i64>) -> Result<i64, Refused> {
    match asked {
        None => Ok(DEFAULT),
        Some(millis) if millis <= 0 => Err(Refused::field("lifetime")),
        Some(millis) => Ok((millis / SECOND).clamp(1, LONGEST)),
    }
}

impl World {
    /// IssueToken with a password.
    pub fn sign_in(&mut self, user: Id, lifetime: i64, audience: &'static str) -> Minted {
        if !self.users[user].has("service") && self.limits.per_user > 0 {
            let live = self.live_of(user);
            let too_many = live.get(self.limits.per_user - 1..).unwrap_or_default();
            too_many.iter().for_each(|idlest| self.end(*idlest));
            if let Some(idlest) = too_many.last() {
                let session = self.sessions[idlest].id.clone();
                let event = self.happened(Kind::SessionEvicted, user, None);
                (event.session, event.count) = (session, too_many.len());
            }
        }
        self.open(user, lifetime, audience)
    }

    /// A session and its first tokens.
    pub fn open(&mut self, user: Id, lifetime: i64, audience: &'static str) -> Minted {
        let id = self.number();
        let now = self.now;
        let chain = vec![Link { text: String::new(), key: Vec::new() }];
        let session =
            Session { id: String::new(), user, opened: now, used: now, proven: now, ended: false, chain };
        let expires = (self.seconds() + lifetime).min(self.end_of(&session) / SECOND);
        self.sessions.insert(id, session);
        self.mint(id, expires..=expires, audience, Fresh::New)
    }

    fn mint(
        &mut self,
        session: Id,
        expires: RangeInclusive<i64>,
        audience: &'static str,
        refresh: Fresh,
    ) -> Minted {
        let user = &self.users[self.sessions[&session].user];
        let (epoch, roles) = (user.epoch, user.roles.clone());
        let token = self.number();
        let minted = Token { text: String::new(), session, epoch, roles, audience, expires: *expires.end() };
        self.tokens.insert(token, minted);
        Minted { token, session, expires, refresh }
    }

    /// IssueToken with a token.
    pub fn exchange(&mut self, token: Id, lifetime: i64, audience: &'static str) -> Result<Minted, Refused> {
        self.check_token(token)?;
        let Token { session, expires: old, .. } = self.tokens[&token];
        self.check_session(session)?;
        let found = &self.sessions[&session];
        let mut limit = (found.proven / SECOND + LONGEST).min(self.end_of(found) / SECOND);
        if audience != OWN {
            limit = limit.min(old);
        }
        let expires = (self.seconds() + lifetime).min(limit);
        if expires <= self.seconds() {
            return Err(Refused::unauthenticated("TOKEN_EXPIRED"));
        }
        Ok(self.mint(session, expires..=expires, audience, Fresh::None))
    }

    pub fn refresh(&mut self, spending: &Spending) -> Result<Minted, Refused> {
        let Spending { session: id, generation, key, audience } = spending;
        let audience = configured(audience)?;
        if !key.is_empty() && !(16..=64).contains(&key.len()) {
            return Err(Refused::field("retry_key"));
        }
        self.check_session(*id)?;
        let (seconds, now) = (self.seconds(), self.now);
        let session = &self.sessions[id];
        let last = session.chain.len() - 1;
        let until = |lifetime: i64| (seconds + lifetime).min(self.end_of(session) / SECOND);
        let expires = until(DEFAULT);
        let before = last.checked_sub(1).map(|before| &session.chain[before].key);
        if *generation == last {
            if !key.is_empty() && before == Some(key) {
                return Err(Refused::field("retry_key"));
            }
            if expires <= seconds {
                return Err(Refused::unauthenticated("TOKEN_EXPIRED"));
            }
            let session = self.sessions.get_mut(id).unwrap();
            session.chain[last].key.clone_from(key);
            session.chain.push(Link { text: String::new(), key: Vec::new() });
            (session.used, session.proven) = (now, now);
            Ok(self.mint(*id, expires..=expires, audience, Fresh::New))
        } else if generation + 1 == last && !key.is_empty() && before == Some(key) {
            if expires <= seconds {
                return Err(Refused::unauthenticated("TOKEN_EXPIRED"));
            }
            // Many may repeat at once; their tokens may be a little shorter, so that not each has to be written down.
            Ok(self.mint(*id, until(DEFAULT - DEFAULT / 10)..=expires, audience, Fresh::Again))
        } else {
            let (user, session) = (session.user, session.id.clone());
            self.end(*id);
            self.happened(Kind::RefreshTokenReused, user, None).session = session;
            Err(Refused::unauthenticated("REFRESH_TOKEN_REUSED"))
        }
    }

    /// What a refresh token, or a token that is to be exchanged, of this session meets.
    pub fn check_session(&self, session: Id) -> Result<(), Refused> {
        match self.standing(session) {
            Standing::Live => Ok(()),
            Standing::Expired => Err(Refused::unauthenticated("TOKEN_EXPIRED")),
            Standing::Ended => Err(Refused::unauthenticated("TOKEN_REVOKED")),
        }
    }

    pub fn end(&mut self, session: Id) {
        self.sessions.get_mut(&session).unwrap().ended = true;
    }

    /// All sessions of a user, the idle ones too, and its tokens. How many were live.
    pub fn end_all(&mut self, user: Id) -> usize {
        let live = self.live_of(user).len();
        self.sessions.values_mut().filter(|session| session.user == user).for_each(|s| s.ended = true);
        self.users[user].epoch += 1;
        live
    }

    /// RevokeSession. `None` is nobody's.
    pub fn revoke_session(&mut self, proof: &Proof, session: Option<Id>) -> Result<(), Refused> {
        let caller = self.caller(proof)?;
        let live = session.filter(|id| self.standing(*id) == Standing::Live);
        let may = live.filter(|id| self.sessions[id].user == caller.user || caller.has_any(&["admin"]));
        let id = may.ok_or_else(|| Refused::new(Code::NotFound, "SESSION_NOT_FOUND"))?;
        self.end(id);
        let (user, session) = (self.sessions[&id].user, self.sessions[&id].id.clone());
        if user != caller.user {
            self.happened(Kind::SessionRevoked, user, Some(caller.user)).session = session;
        }
        Ok(())
    }

    /// RevokeAllSessions. How many live ones were ended.
    pub fn revoke_all(
        &mut self,
        proof: &Proof,
        target: Option<Id>,
        keep_current: bool,
    ) -> Result<usize, Refused> {
        let caller = self.caller(proof)?;
        may_act_on(&caller, target, &["admin"])?;
        if keep_current {
            let kept = caller.session.filter(|_| target == Some(caller.user));
            let kept = kept.ok_or_else(|| Refused::field("keep_current"))?;
            let others: Vec<Id> = self.live_of(caller.user).into_iter().filter(|id| *id != kept).collect();
            others.iter().for_each(|id| self.end(*id));
            if !others.is_empty() {
                self.happened(Kind::SessionsRevoked, caller.user, None).count = others.len();
            }
            return Ok(others.len());
        }
        let user = self.existing(target)?;
        let count = self.end_all(user);
        if count > 0 {
            self.happened(Kind::SessionsRevoked, user, Some(caller.user)).count = count;
        }
        Ok(count)
    }

    /// ListSessions.
    pub fn list(&self, proof: &Proof, target: Option<Id>) -> Result<(Vec<Id>, Option<Id>), Refused> {
        let caller = self.caller(proof)?;
        may_act_on(&caller, target, &["admin"])?;
        Ok((self.live_of(self.existing(target)?), caller.session))
    }

    pub fn existing(&self, target: Option<Id>) -> Result<Id, Refused> {
        target
            .filter(|id| self.users[*id].is_there())
            .ok_or_else(|| Refused::new(Code::NotFound, "USER_NOT_FOUND"))
    }
}

/// Whoever may not act on others does not learn which of them exist.
pub fn may_act_on(caller: &Caller, target: Option<Id>, roles: &[&str]) -> Result<(), Refused> {
    if target == Some(caller.user) || caller.has_any(roles) {
        Ok(())
    } else {
        Err(super::world::role_required())
    }
}
