//! A user who does this and that at whatever replica, one thing after the other, as a client does that keeps the rules: one
//! retry key a refresh token, sent again until there is an answer.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{interval, timeout};

use super::history::{Answer, Call, Record};
use super::replicas::{REPLICAS, Replicas};
use super::wire;
use crate::harness::PASSWORD;
use crate::model::Chance;

/// How long a call is waited for.
const PATIENCE: Duration = Duration::from_secs(3);
/// Between two calls.
const PACE: Duration = Duration::from_millis(15);
/// How many sessions and ended tokens are kept in use.
const SESSIONS: usize = 4;
const ENDED: usize = 12;

#[derive(Clone)]
struct Held {
    session: String,
    token: String,
    refresh_token: String,
    retry_key: u64,
}

pub struct Person {
    replicas: Arc<Replicas>,
    chance: Chance,
    name: String,
    /// Which may be the right one, the likeliest first.
    passwords: Vec<String>,
    sessions: Vec<Held>,
    /// Access tokens that should not be good any more.
    ended: Vec<String>,
    /// Refresh tokens that are spent.
    spent: Vec<String>,
    numbers: u64,
    pub records: Vec<Record>,
}

impl Person {
    pub fn new(replicas: Arc<Replicas>, name: String, seed: u64) -> Self {
        Self {
            replicas,
            chance: Chance::new(seed),
            name,
            passwords: vec![PASSWORD.to_owned()],
            sessions: Vec::new(),
            ended: Vec::new(),
            spent: Vec::new(),
            numbers: 0,
            records: Vec::new(),
        }
    }

    /// Lives until the time is over, and looks at the end what is left.
    pub async fn live(mut self, span: Duration) -> Self {
        let mut pace = interval(PACE);
        loop {
            pace.tick().await;
            let call = Call::CreateUser { password: PASSWORD.to_owned() };
            if !matches!(self.make(call).await, Answer::Unknown) {
                break;
            }
        }
        while u128::from(self.replicas.now()) < span.as_millis() {
            pace.tick().await;
            self.act().await;
        }
        self
    }

    /// What is there when all is over.
    pub async fn look_back(&mut self) {
        for password in self.passwords.clone() {
            for _ in 0..REPLICAS {
                self.make(Call::ListSessions { password: password.clone() }).await;
                self.make(Call::ReadRoles { password: password.clone() }).await;
            }
        }
        // Two questions to each replica by each password that may be the one.
        let asked = self.passwords.len() * REPLICAS * 2;
        let seen = |record: &&Record| matches!(record.answer, Answer::Sessions(_));
        assert!(
            self.records.iter().rev().take(asked).any(|record| seen(&record)),
            "{} cannot sign in",
            self.name
        );
        for held in self.sessions.clone() {
            self.make(Call::Greet { token: held.token.clone() }).await;
            self.refresh(&held).await;
        }
        for token in self.ended.clone() {
            self.make(Call::Greet { token }).await;
        }
    }

    async fn act(&mut self) {
        let Some(held) = self.chance.pick(&self.sessions).cloned() else { return self.sign_in().await };
        match self.chance.below(40) {
            0..=3 if self.sessions.len() < SESSIONS => self.sign_in().await,
            0..=13 => self.refresh(&held).await,
            14..=19 => drop(self.make(Call::Greet { token: held.token.clone() }).await),
            20..=26 => {
                if let Some(token) = self.chance.pick(&self.ended).cloned() {
                    self.make(Call::Greet { token }).await;
                }
            }
            27..=29 => {
                let answer = self.make(Call::RevokeToken { token: held.token.clone() }).await;
                self.forget(&held, &answer);
            }
            30..=31 => {
                let (bearer, session) = (held.token.clone(), held.session.clone());
                let answer = self.make(Call::RevokeSession { bearer, session }).await;
                self.forget(&held, &answer);
            }
            32 => {
                let answer = self.make(Call::RevokeAllSessions { bearer: held.token.clone() }).await;
                self.forget_all(&answer);
            }
            33 => self.change_password(&held).await,
            34 => {
                let role = format!("role{}", self.number());
                let answer = self.make(Call::SetRoles { role }).await;
                if !matches!(answer, Answer::Refused(_)) {
                    self.ended.extend(self.sessions.iter().map(|held| held.token.clone()));
                }
            }
            35 => self.steal().await,
            36..=37 => {
                let password = self.passwords[0].clone();
                self.make(Call::ListSessions { password }).await;
            }
            _ => {
                let password = self.passwords[0].clone();
                self.make(Call::ReadRoles { password }).await;
            }
        }
        let surplus = self.ended.len().saturating_sub(ENDED);
        self.ended.drain(..surplus);
    }

    async fn sign_in(&mut self) {
        let password = self.chance.pick(&self.passwords).unwrap().clone();
        let answer = self.make(Call::SignIn { password: password.clone() }).await;
        if let Answer::Issued { .. } = answer {
            self.passwords.retain(|one| *one != password);
            self.passwords.insert(0, password);
        }
        self.keep(answer);
    }

    /// Spends a refresh token, now and then at two replicas at once.
    async fn refresh(&mut self, held: &Held) {
        let call = Call::Refresh { refresh_token: held.refresh_token.clone(), retry_key: held.retry_key };
        let mut answers = vec![];
        if self.chance.one_in(4) {
            let at = (self.chance.below(REPLICAS), self.chance.below(REPLICAS));
            let both = tokio::join!(self.ask(at.0, call.clone()), self.ask(at.1, call));
            for record in [both.0, both.1] {
                answers.push(record.answer.clone());
                self.records.push(record);
            }
        } else {
            answers.push(self.make(call).await);
        }
        for answer in answers {
            match answer {
                Answer::Issued { token, refresh_token, .. } => {
                    let number = self.number();
                    let mine = self.sessions.iter_mut().find(|one| one.session == held.session);
                    if let Some(mine) = mine.filter(|mine| mine.refresh_token == held.refresh_token) {
                        (mine.token, mine.refresh_token, mine.retry_key) = (token, refresh_token, number);
                        self.spent.push(held.refresh_token.clone());
                    }
                }
                Answer::Refused(reason) if reason == "TOKEN_REVOKED" => {
                    self.sessions.retain(|one| one.session != held.session);
                }
                _ => {}
            }
        }
    }

    async fn change_password(&mut self, held: &Held) {
        let (current, new) = (self.passwords[0].clone(), format!("{PASSWORD} {}", self.number()));
        let call = Call::ChangePassword { bearer: held.token.clone(), current, new: new.clone() };
        let answer = self.make(call).await;
        match &answer {
            Answer::Issued { .. } => self.passwords = vec![new],
            Answer::Unknown => self.passwords.push(new),
            _ => return,
        }
        self.forget_all(&answer);
        self.keep(answer);
    }

    /// Somebody else has one of the tokens that were spent.
    async fn steal(&mut self) {
        // Of a session that is likely to live.
        let lately = &self.spent[self.spent.len().saturating_sub(SESSIONS)..];
        let Some(refresh_token) = self.chance.pick(lately).cloned() else { return };
        self.spent.retain(|one| *one != refresh_token);
        let retry_key = self.number();
        self.make(Call::Refresh { refresh_token, retry_key }).await;
    }

    fn keep(&mut self, answer: Answer) {
        if let Answer::Issued { session, token, refresh_token } = answer {
            let retry_key = self.number();
            self.sessions.push(Held { session, token, refresh_token, retry_key });
        }
    }

    fn forget(&mut self, held: &Held, answer: &Answer) {
        if !matches!(answer, Answer::Unknown) {
            self.sessions.retain(|one| one.session != held.session);
        }
        self.ended.push(held.token.clone());
    }

    fn forget_all(&mut self, answer: &Answer) {
        if !matches!(answer, Answer::Refused(_)) {
            self.ended.extend(self.sessions.iter().map(|held| held.token.clone()));
        }
        if matches!(answer, Answer::Done | Answer::Issued { .. }) {
            self.sessions.clear();
        }
    }

    fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    /// A call at whatever replica.
    async fn make(&mut self, call: Call) -> Answer {
        let record = self.ask(self.chance.below(REPLICAS), call).await;
        let answer = record.answer.clone();
        self.records.push(record);
        answer
    }

    async fn ask(&self, replica: usize, call: Call) -> Record {
        let channel = self.replicas.channel(replica);
        let began = self.replicas.now();
        let answer =
            timeout(PATIENCE, wire::answer(channel, &self.name, &call)).await.unwrap_or(Answer::Unknown);
        Record { began, ended: self.replicas.now(), replica, call, answer }
    }
}
