//! What is done next: mostly what somebody would do, and now and then what somebody should not.

use super::account_rules::SHORT;
use super::session_moves::Wish;
use super::session_rules::Spending;
use super::walk::Walk;
use super::world::{Id, Proof, SECOND, State};

const NAMES: [&str; 12] =
    ["root", "ann", "bob", "cat", "dan", "eve", "fay", "gus", "hal", "ida", "jon", "Ann"];
const ROLES: [&[&str]; 7] =
    [&[], &["admin"], &["admin"], &["admin", "service"], &["service"], &["service", "x"], &["no role"]];

impl Walk {
    pub async fn step(&mut self) {
        self.let_time_pass();
        if let Some(name) = self.world.name_at_the_end_of_its_rest() {
            let password = self.new_password();
            return self.create_user(&name, &password).await;
        }
        let Some(token) = self.some_token() else {
            // Where nobody is signed in, there is little else to try.
            let proof = self.password_of(self.some_user());
            return self.issue(&proof, false, &Wish { lifetime: None, audience: "" }).await;
        };
        match self.chance.below(100) {
            0..13 => self.sign_in().await,
            13..23 => self.exchange(token).await,
            23..31 => self.greet(&self.some_proof(token)).await,
            31..34 => self.show_user(&self.some_proof(token), self.some_target()).await,
            34..56 => self.spend().await,
            56..61 => self.give_something_back(token).await,
            61..66 => self.list_sessions(&self.some_proof(token), self.some_target()).await,
            66..71 => self.revoke_session(&self.some_proof(token), self.some_session()).await,
            71..74 => self.revoke_some(token).await,
            74..78 => self.change_some_password(token).await,
            78..82 => {
                self.create_code(self.some_admin(token), self.some_target()).await;
                if self.chance.one_in(2) {
                    self.let_time_pass();
                    self.reset_some_password().await;
                }
            }
            82..86 => self.reset_some_password().await,
            86..88 => self.disable_some_user(token).await,
            88..90 => self.enable_user(self.some_admin(token), self.some_target()).await,
            90..93 => {
                let roles = *self.chance.pick(&ROLES).unwrap();
                self.set_roles(self.some_admin(token), self.some_target(), roles).await;
            }
            93..95 => self.delete_some_user(token).await,
            95..99 => {
                let name = *self.chance.pick(&NAMES).unwrap();
                let password = self.new_password();
                self.create_user(name, &password).await;
            }
            _ => self.restart().await,
        }
    }

    async fn sign_in(&mut self) {
        // Admins, who can do much, and services, who may have as many sessions as they like.
        let may = |id: &Id| self.world.is_admin(*id) || self.world.users[*id].has("service");
        let some: Vec<Id> = (0..self.world.users.len()).filter(may).collect();
        let proof = match self.chance.pick(&some) {
            Some(user) if self.chance.one_in(3) => self.password_of(*user),
            _ => self.some_password(),
        };
        self.issue(&proof, self.chance.one_in(2), &self.some_wish()).await;
    }

    async fn exchange(&mut self, token: Id) {
        let proof = if self.chance.one_in(4) { Proof::AsName(token) } else { Proof::Bearer(token) };
        let wish = self.some_wish();
        self.issue(&proof, false, &wish).await;
    }

    async fn spend(&mut self) {
        let Some(session) = self.some_session() else { return };
        let chain = &self.world.sessions[&session].chain;
        let last = chain.len() - 1;
        let key_of =
            |generation: Option<usize>| generation.map(|at| chain[at].key.clone()).unwrap_or_default();
        let before = last.checked_sub(1);
        let fresh = self.chance.key(*self.chance.pick(&[16, 32, 64]).unwrap());
        let (generation, key) = match self.chance.below(40) {
            0..16 => (last, fresh),
            16..19 => (last, Vec::new()),
            19..29 => (before.unwrap_or(last), key_of(before)),
            29 => (before.unwrap_or(last), fresh),
            30 => (before.unwrap_or(last), Vec::new()),
            31..34 if last >= 2 => {
                let older = self.chance.below(last - 1);
                (older, key_of(Some(older)))
            }
            34..36 => (last, key_of(before)),
            36 => (last, self.chance.key(*self.chance.pick(&[1, 15, 65]).unwrap())),
            37 => return self.forge(session, last).await,
            _ => (last, fresh),
        };
        let audience = if self.chance.one_in(5) { "billing" } else { "" };
        self.refresh(&Spending { session, generation, key, audience }, None).await;
    }

    /// A refresh token with one other character, or nothing like one.
    async fn forge(&mut self, session: Id, generation: usize) {
        let mut text = self.world.sessions[&session].chain[generation].text.clone();
        let at = self.chance.below(text.len());
        let other = if text[at..].starts_with('A') { "B" } else { "A" };
        text.replace_range(at..=at, other);
        let key = self.chance.key(16);
        self.refresh(&Spending { session, generation, key, audience: "" }, Some(text)).await;
    }

    async fn give_something_back(&mut self, token: Id) {
        if self.chance.one_in(5) {
            let text = *self.chance.pick(&["x", "csr_x", "v4.public.x"]).unwrap();
            return self.give_back(text, None).await;
        }
        let session = match self.some_session() {
            Some(session) if self.chance.one_in(2) => session,
            _ => {
                let text = self.world.tokens[&token].text.clone();
                return self.give_back(&text, Some(self.world.tokens[&token].session)).await;
            }
        };
        let chain = &self.world.sessions[&session].chain;
        let text = chain[self.chance.below(chain.len())].text.clone();
        self.give_back(&text, Some(session)).await;
    }

    async fn revoke_some(&mut self, token: Id) {
        let proof = self.some_proof(token);
        let target = if self.chance.one_in(3) { self.some_target() } else { self.user_of(&proof) };
        let keep_current = self.chance.one_in(2);
        self.revoke_all(&proof, target, keep_current).await;
    }

    async fn change_some_password(&mut self, token: Id) {
        let proof = self.some_proof(token);
        let right = self.user_of(&proof).map(|user| self.world.users[user].password.clone());
        let current = match self.chance.below(6) {
            0 => "not the password".to_owned(),
            1 => String::new(),
            _ => right.unwrap_or_default(),
        };
        let new = if self.chance.one_in(8) && self.user_of(&proof).is_some() && current.len() > 20 {
            SHORT.to_owned()
        } else {
            self.new_password()
        };
        self.change_password(&proof, &current, &new).await;
    }

    async fn reset_some_password(&mut self) {
        let codes: Vec<Id> = self.world.codes.keys().copied().collect();
        // The latest ones are the most likely to be good.
        let lately = &codes[codes.len().saturating_sub(if self.chance.one_in(3) { 8 } else { 1 })..];
        let code = if self.chance.one_in(10) { None } else { self.chance.pick(lately).copied() };
        let new = if self.chance.one_in(5) { SHORT.to_owned() } else { self.new_password() };
        self.reset_password(code, &new).await;
    }

    /// Mostly for a short time only: what was good before must not be good again.
    async fn disable_some_user(&mut self, token: Id) {
        let (admin, target) = (self.some_admin(token), self.some_target());
        if self.chance.one_in(2) {
            self.create_code(admin, target).await;
            self.let_time_pass();
        }
        if !self.world.tokens.contains_key(&admin) {
            return;
        }
        self.disable_user(admin, target).await;
        if !self.chance.one_in(3) {
            self.let_time_pass();
            let admin = self.some_admin(admin);
            // So long that nobody knows the token's key any more.
            if self.world.tokens.contains_key(&admin) {
                self.enable_user(admin, target).await;
            }
        }
    }

    async fn delete_some_user(&mut self, token: Id) {
        let proof = self.some_proof(token);
        let target = if self.chance.one_in(4) { self.some_target() } else { self.user_of(&proof) };
        let right = target.map(|user| self.world.users[user].password.clone()).unwrap_or_default();
        let current =
            *self.chance.pick(&[right.as_str(), &right, &right, &right, "not the password", ""]).unwrap();
        self.delete_user(&proof, target, current).await;
    }

    fn new_password(&mut self) -> String {
        format!("a password of nobody's {}", self.world.number())
    }

    fn some_wish(&self) -> Wish {
        let lifetime = *self
            .chance
            .pick(&[
                None,
                None,
                None,
                Some(1),
                Some(1500),
                Some(60_000),
                Some(3_600_000),
                Some(86_400_000),
                Some(0),
                Some(-5000),
            ])
            .unwrap();
        let audience = *self.chance.pick(&["", "", "", "countersign", "billing", "nowhere"]).unwrap();
        // One thing wrong at a time: which of two is told is nobody's promise.
        if audience == "nowhere" { Wish { lifetime: None, audience } } else { Wish { lifetime, audience } }
    }

    /// Mostly somebody who is there.
    fn some_user(&self) -> Id {
        let all: Vec<Id> = (0..self.world.users.len()).collect();
        let active: Vec<Id> =
            all.iter().copied().filter(|id| self.world.users[*id].state == State::Active).collect();
        let some = if self.chance.one_in(12) { &all } else { &active };
        *self.chance.pick(some).unwrap()
    }

    fn some_target(&self) -> Option<Id> {
        if self.chance.one_in(15) {
            return None;
        }
        let all: Vec<Id> = (0..self.world.users.len()).rev().take(12).collect();
        match (self.chance.below(3), self.some_token()) {
            // Who is signed in has the most to lose.
            (0, Some(token)) => Some(self.world.sessions[&self.world.tokens[&token].session].user),
            (1, _) => self.chance.pick(&all).copied(),
            _ => Some(self.some_user()),
        }
    }

    fn some_password(&self) -> Proof {
        match self.password_of(self.some_user()) {
            Proof::Password(name, _) if self.chance.one_in(12) => {
                Proof::Password(name, "not the password".to_owned())
            }
            Proof::Password(name, password) if self.chance.one_in(6) => {
                Proof::Password(name.to_uppercase(), password)
            }
            right => right,
        }
    }

    /// Mostly a good one.
    fn some_token(&self) -> Option<Id> {
        let all: Vec<Id> = self.world.tokens.keys().copied().collect();
        let good: Vec<Id> = all.iter().copied().filter(|id| self.world.check_token(*id).is_ok()).collect();
        let unexpired = |id: &Id| self.world.now < self.world.tokens[id].expires * SECOND;
        let bad: Vec<Id> = all.iter().copied().filter(unexpired).filter(|id| !good.contains(id)).collect();
        let some = match self.chance.below(12) {
            0 => &all,
            1 | 2 if !bad.is_empty() => &bad,
            _ => &good,
        };
        self.chance.pick(some).copied()
    }

    fn some_admin(&self, otherwise: Id) -> Id {
        let is_admin = |id: &Id| self.world.tokens[id].roles.iter().any(|role| role == "admin");
        let good = |id: &Id| is_admin(id) && self.world.check_token(*id).is_ok();
        let admins: Vec<Id> = self.world.tokens.keys().copied().filter(good).collect();
        if self.chance.one_in(8) {
            otherwise
        } else {
            self.chance.pick(&admins).copied().unwrap_or(otherwise)
        }
    }

    fn some_proof(&self, token: Id) -> Proof {
        match self.chance.below(24) {
            0 => Proof::Nothing,
            1 => Proof::Unreadable,
            2..4 => Proof::AsName(token),
            4..7 => self.some_password(),
            7..11 => Proof::Bearer(self.some_admin(token)),
            _ => Proof::Bearer(token),
        }
    }

    /// Mostly a live one.
    fn some_session(&self) -> Option<Id> {
        let all: Vec<Id> = self.world.sessions.keys().copied().collect();
        let live: Vec<Id> = all.iter().copied().filter(|id| self.world.check_session(*id).is_ok()).collect();
        let some = if live.is_empty() || self.chance.one_in(7) { &all } else { &live };
        self.chance.pick(some).copied()
    }

    fn user_of(&self, proof: &Proof) -> Option<Id> {
        match proof {
            Proof::Nothing | Proof::Unreadable => None,
            Proof::Bearer(token) | Proof::AsName(token) => {
                Some(self.world.sessions[&self.world.tokens[token].session].user)
            }
            Proof::Password(name, _) => self.world.named(name),
        }
    }
}
