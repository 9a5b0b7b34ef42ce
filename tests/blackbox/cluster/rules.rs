//! What one user must see, call after call: a model of the account that is never wrong about what was acknowledged, and
//! allows both outcomes of what was not.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::history::{Answer, Call, Disturbances, Moment, Record};

/// For how long something may still happen whose answer was lost: longer than any fault lasts.
const SETTLED: Moment = 20_000;
/// How long tokens live, with something to spare.
const TOKEN_LIFE: Moment = 590_000;

/// Whether something is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Over {
    No,
    /// Somebody asked for it, and nobody knows.
    Perhaps,
    /// It was acknowledged then.
    Since(Moment),
}

#[derive(Debug)]
struct Token {
    session: String,
    issued: Moment,
    over: Over,
}

#[derive(Debug)]
struct Refresh {
    session: String,
    /// With which retry key it was presented first, and what was given for it.
    spent: Option<(u64, Option<String>)>,
}

/// What may still happen to the whole account, and until when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pending {
    EndsSessions,
    EndsTokens,
}

/// What is known of one user.
pub struct Account<'a> {
    disturbances: &'a Disturbances,
    exists: Option<bool>,
    passwords: HashSet<String>,
    roles: HashSet<String>,
    sessions: HashMap<String, Over>,
    /// Those that nobody is known to have ended: few of the many of a long history.
    living: BTreeSet<String>,
    tokens: HashMap<String, Token>,
    /// Those that are not known to be over, by session.
    good: HashMap<String, Vec<String>>,
    refreshes: HashMap<String, Refresh>,
    pending: Vec<(Pending, Moment)>,
    /// How many sessions may have been opened of which nobody has heard.
    unheard: usize,
}

/// What is wrong.
type Verdict = Result<(), String>;

/// Whether these are answers that one user can get, in this order.
pub fn check(records: &[Record], disturbances: &Disturbances) -> Verdict {
    let mut account = Account::new(disturbances);
    for (number, record) in records.iter().enumerate() {
        account.take(record).map_err(|wrong| {
            let before = records[number.saturating_sub(12)..=number].iter();
            let lines: Vec<_> = before.map(|record| format!("{record:?}")).collect();
            format!("{wrong}\n{}\n{disturbances:?}", lines.join("\n"))
        })?;
    }
    Ok(())
}

fn ensure(holds: bool, wrong: &str) -> Verdict {
    if holds { Ok(()) } else { Err(wrong.to_owned()) }
}

impl Over {
    fn perhaps(&mut self) {
        if *self == Self::No {
            *self = Self::Perhaps;
        }
    }

    fn since(&mut self, moment: Moment) {
        if !matches!(self, Self::Since(_)) {
            *self = Self::Since(moment);
        }
    }
}

impl<'a> Account<'a> {
    fn new(disturbances: &'a Disturbances) -> Self {
        Self {
            disturbances,
            exists: Some(false),
            passwords: HashSet::new(),
            roles: HashSet::from([String::new()]),
            sessions: HashMap::new(),
            living: BTreeSet::new(),
            tokens: HashMap::new(),
            good: HashMap::new(),
            refreshes: HashMap::new(),
            pending: Vec::new(),
            unheard: 0,
        }
    }

    fn take(&mut self, record: &Record) -> Verdict {
        self.pending.retain(|(_, until)| *until > record.began);
        if let Answer::Refused(reason) = &record.answer {
            return self.refused(record, reason);
        }
        let (now, answer) = (record.ended, &record.answer);
        let known = !matches!(answer, Answer::Unknown);
        match &record.call {
            Call::CreateUser { password } => {
                self.exists = if known { Some(true) } else { None };
                self.passwords.insert(password.clone());
            }
            Call::SignIn { password } => {
                if known {
                    self.proven(password, record)?;
                }
                self.opened(answer, now);
            }
            Call::Refresh { refresh_token, retry_key } => self.spent(record, refresh_token, *retry_key)?,
            Call::Greet { token } => self.greeted(record, token)?,
            Call::RevokeToken { token } => {
                let session = self.token(token)?.session.clone();
                self.end(&session, known, now);
            }
            Call::RevokeSession { bearer, session } => {
                self.used(record, bearer)?;
                self.end(session, known, now);
            }
            Call::RevokeAllSessions { bearer } => {
                self.used(record, bearer)?;
                self.end_all(known, now);
            }
            Call::ChangePassword { bearer, current, new } => {
                self.used(record, bearer)?;
                if known {
                    self.proven(current, record)?;
                    self.passwords.clear();
                }
                self.passwords.insert(new.clone());
                self.end_all(known, now);
                self.opened(answer, now);
            }
            Call::SetRoles { role } => {
                if known {
                    self.roles.clear();
                }
                self.roles.insert(role.clone());
                self.end_tokens(known, now);
            }
            Call::ListSessions { password } => self.listed(record, password)?,
            Call::ReadRoles { password } => self.role_read(record, password)?,
        }
        Ok(())
    }

    fn refused(&mut self, record: &Record, reason: &str) -> Verdict {
        let unsettled = !self.pending.is_empty();
        match (reason, &record.call) {
            // Nobody had the time; nothing has happened.
            ("HASHING_BUSY" | "RATE_LIMITED", _) => Ok(()),
            ("USERNAME_TAKEN", Call::CreateUser { .. }) => {
                ensure(self.exists.is_none(), "the name is taken, and nobody took it")?;
                self.exists = Some(true);
                Ok(())
            }
            (
                "CREDENTIALS_INVALID",
                Call::SignIn { password }
                | Call::ListSessions { password }
                | Call::ReadRoles { password }
                | Call::ChangePassword { current: password, .. },
            ) => {
                let certain = self.exists == Some(true) && self.passwords.len() == 1 && !unsettled;
                ensure(!(certain && self.passwords.contains(password)), "the right password is refused")
            }
            (
                "TOKEN_REVOKED",
                Call::Greet { token: bearer }
                | Call::RevokeSession { bearer, .. }
                | Call::RevokeAllSessions { bearer }
                | Call::ChangePassword { bearer, .. },
            ) => ensure(self.token(bearer)?.over != Over::No, "a token is revoked that nobody has revoked"),
            (
                "TOKEN_EXPIRED",
                Call::Greet { token: bearer }
                | Call::RevokeSession { bearer, .. }
                | Call::RevokeAllSessions { bearer }
                | Call::ChangePassword { bearer, .. },
            ) => ensure(
                self.token(bearer)?.issued + TOKEN_LIFE < record.ended,
                "a token has expired too early",
            ),
            ("SESSION_NOT_FOUND", Call::RevokeSession { session, .. }) => ensure(
                self.sessions.get(session) != Some(&Over::No),
                "a session is gone that nobody has ended",
            ),
            ("TOKEN_REVOKED", Call::Refresh { refresh_token, .. }) => {
                let session = self.refresh(refresh_token)?.session.clone();
                ensure(
                    self.sessions.get(&session) != Some(&Over::No),
                    "a session is over that nobody has ended",
                )
            }
            ("REFRESH_TOKEN_REUSED", Call::Refresh { refresh_token, retry_key }) => {
                let refresh = self.refresh(refresh_token)?;
                let theft = refresh.spent.as_ref().is_some_and(|(key, _)| key != retry_key);
                let session = refresh.session.clone();
                ensure(theft, "an honest refresh is taken for theft")?;
                self.end(&session, true, record.ended);
                Ok(())
            }
            _ => Err(format!("refused with {reason}")),
        }
    }

    /// A password was taken for the right one.
    fn proven(&mut self, password: &str, record: &Record) -> Verdict {
        ensure(self.exists != Some(false), "a user signs in who was never made")?;
        ensure(self.passwords.contains(password), "a password is taken that is not the user's any more")?;
        self.exists = Some(true);
        let settled = self.pending.iter().all(|(_, until)| *until <= record.began);
        if settled {
            self.passwords.retain(|one| one == password);
        }
        Ok(())
    }

    fn opened(&mut self, answer: &Answer, now: Moment) {
        let Answer::Issued { session, token, refresh_token } = answer else {
            self.unheard += 1;
            return;
        };
        let at_risk = self.pending.iter().any(|(pending, _)| *pending == Pending::EndsSessions);
        self.sessions.insert(session.clone(), if at_risk { Over::Perhaps } else { Over::No });
        self.living.insert(session.clone());
        self.refreshes.insert(refresh_token.clone(), Refresh { session: session.clone(), spent: None });
        self.issued(session, token, now);
    }

    fn issued(&mut self, session: &str, token: &str, now: Moment) {
        let of_session = self.sessions.get(session).copied().unwrap_or(Over::No);
        let over = if self.pending.is_empty() { of_session } else { Over::Perhaps };
        self.tokens.insert(token.to_owned(), Token { session: session.to_owned(), issued: now, over });
        self.good.entry(session.to_owned()).or_default().push(token.to_owned());
    }

    fn spent(&mut self, record: &Record, refresh_token: &str, key: u64) -> Verdict {
        let refresh = self.refresh(refresh_token)?;
        let session = refresh.session.clone();
        let (first, given) = refresh.spent.get_or_insert((key, None));
        if *first != key {
            // A thief. Whoever gets an answer must not get tokens.
            ensure(
                matches!(record.answer, Answer::Unknown),
                "a spent token is accepted with another retry key",
            )?;
            self.end(&session, false, record.ended);
            return Ok(());
        }
        let Answer::Issued { session: said, token, refresh_token: successor } = &record.answer else {
            return Ok(());
        };
        ensure(
            given.as_ref().is_none_or(|given| given == successor),
            "two successors for one refresh token",
        )?;
        *given = Some(successor.clone());
        ensure(*said == session, "a refresh has led to another session")?;
        let over = self.sessions.get(&session).copied();
        ensure(
            !matches!(over, Some(Over::Since(since)) if since <= record.began),
            "a session that is over is refreshed",
        )?;
        let fresh = Refresh { session: session.clone(), spent: None };
        self.refreshes.entry(successor.clone()).or_insert(fresh);
        self.issued(&session, token, record.ended);
        Ok(())
    }

    fn greeted(&mut self, record: &Record, token: &str) -> Verdict {
        let over = self.token(token)?.over;
        match (over, &record.answer) {
            (Over::Since(since), Answer::Done) => {
                let late = self.disturbances.must_know(record.replica, since, record.began);
                ensure(!late, "a revoked token is accepted by a replica that has to know")
            }
            _ => Ok(()),
        }
    }

    /// A token with which something was done or perhaps done.
    fn used(&mut self, record: &Record, token: &str) -> Verdict {
        let over = self.token(token)?.over;
        let acknowledged = !matches!(record.answer, Answer::Unknown);
        let before = matches!(over, Over::Since(since) if since <= record.began);
        ensure(!(acknowledged && before), "something is done with a revoked token")
    }

    fn listed(&mut self, record: &Record, password: &str) -> Verdict {
        let Answer::Sessions(listed) = &record.answer else { return Ok(()) };
        self.proven(password, record)?;
        let mut unknown = 0;
        for session in listed {
            match self.sessions.get(session) {
                None => unknown += 1,
                Some(Over::Since(since)) if *since <= record.began => {
                    return Err(format!("session {session} lives, and was ended"));
                }
                Some(_) => {}
            }
        }
        ensure(unknown <= self.unheard, "there are more sessions than were asked for")?;
        let lost = self.living.iter().find(|id| self.sessions[*id] == Over::No && !listed.contains(id));
        lost.map_or(Ok(()), |id| Err(format!("session {id} is not there, and nobody has ended it")))
    }

    fn role_read(&mut self, record: &Record, password: &str) -> Verdict {
        let Answer::Role(role) = &record.answer else { return Ok(()) };
        self.proven(password, record)?;
        ensure(self.roles.contains(role), "the role is one that was not given, or was taken away")
    }

    fn end(&mut self, session: &str, known: bool, now: Moment) {
        let over = self.sessions.entry(session.to_owned()).or_insert(Over::No);
        if known {
            over.since(now);
        } else {
            over.perhaps();
        }
        let living = *over == Over::Perhaps;
        if living {
            self.living.insert(session.to_owned())
        } else {
            self.living.remove(session)
        };
        self.end_tokens_of(session, known, now);
    }

    fn end_tokens_of(&mut self, session: &str, known: bool, now: Moment) {
        let Some(good) = self.good.get_mut(session) else { return };
        for token in good.iter() {
            let over = &mut self.tokens.get_mut(token).expect("it was given").over;
            if known { over.since(now) } else { over.perhaps() }
        }
        if known {
            self.good.remove(session);
        }
    }

    fn end_all(&mut self, known: bool, now: Moment) {
        let sessions = self.living.clone();
        sessions.iter().for_each(|session| self.end(session, known, now));
        if known {
            self.unheard = 0;
        }
        self.note(Pending::EndsSessions, known, now);
    }

    fn end_tokens(&mut self, known: bool, now: Moment) {
        let sessions: Vec<_> = self.good.keys().cloned().collect();
        sessions.iter().for_each(|session| self.end_tokens_of(session, known, now));
        self.note(Pending::EndsTokens, known, now);
    }

    /// What is acknowledged waited for whatever had begun before; what is not may come later.
    fn note(&mut self, pending: Pending, known: bool, now: Moment) {
        if known { self.pending.clear() } else { self.pending.push((pending, now + SETTLED)) }
    }

    fn token(&mut self, token: &str) -> Result<&mut Token, String> {
        self.tokens.get_mut(token).ok_or_else(|| "a token that was never given".to_owned())
    }

    fn refresh(&mut self, token: &str) -> Result<&mut Refresh, String> {
        self.refreshes.get_mut(token).ok_or_else(|| "a refresh token that was never given".to_owned())
    }
}
