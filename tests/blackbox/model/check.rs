//! Asking for all that is known once more. Nothing here changes anything: what would spend a good token is not sent.

use countersign::pb::auth::v1 as pb;
use countersign::pb::auth::v1::SecurityEventKind as Kind;

use super::account_rules::SHORT;
use super::session_rules::Spending;
use super::walk::{Walk, millis};
use super::world::{DAY, Event, Id, Proof, SECOND, Standing, State};

/// How many tokens are asked for after each step.
const SOME: usize = 3;
const EVENTS_KEPT: i64 = 90 * DAY;

impl Walk {
    pub async fn check_everything(&mut self) {
        self.history.note(self.world.now, "everything once more");
        let tokens: Vec<Id> = self.world.tokens.keys().copied().collect();
        for token in tokens {
            self.check_token(token).await;
        }
        let sessions: Vec<Id> = self.world.sessions.keys().copied().collect();
        for session in sessions {
            self.check_refresh_token(session).await;
        }
        for user in 0..self.world.users.len() {
            self.check_passwords(user).await;
        }
        let codes: Vec<Id> = self.world.codes.keys().copied().collect();
        for code in codes {
            let predicted = self.world.reset_password(Some(code), SHORT);
            let said = self.client.reset_password(&self.world.codes[&code].text, SHORT).await;
            assert_eq!(said, predicted, "code {code}");
        }
        self.check_events().await;
    }

    /// Some of it, which costs little: what may be good, and has the most to lose.
    pub async fn check_something(&mut self) {
        let unexpired = |id: &Id| self.world.now < self.world.tokens[id].expires * SECOND;
        let tokens: Vec<Id> = self.world.tokens.keys().copied().filter(unexpired).collect();
        for _ in 0..tokens.len().min(SOME) {
            self.check_token(*self.chance.pick(&tokens).unwrap()).await;
        }
    }

    async fn check_token(&self, token: Id) {
        let said = self.client.greet(self.world.credentials(&Proof::Bearer(token))).await;
        let predicted = self.world.check_token(token);
        assert_eq!(said.map(|_| ()), predicted, "t{token} of s{}", self.world.tokens[&token].session);
    }

    /// The current one of a session that is over, and the current one of a live session with the key that the one before it
    /// was spent with: neither is spent by that.
    async fn check_refresh_token(&mut self, session: Id) {
        let chain = &self.world.sessions[&session].chain;
        let last = chain.len() - 1;
        let before = last.checked_sub(1).map(|before| chain[before].key.clone()).unwrap_or_default();
        if self.world.standing(session) == Standing::Live && before.is_empty() {
            return;
        }
        let text = chain[last].text.clone();
        let said = self.client.refresh(&text, &before).await;
        let spending = Spending { session, generation: last, key: before, audience: "" };
        let predicted = self.world.refresh(&spending);
        assert_eq!(said.map(|_| ()).err(), predicted.err(), "the current refresh token of s{session}");
    }

    async fn check_passwords(&self, user: Id) {
        let proof = self.password_of(user);
        let said = self.client.greet(self.world.credentials(&proof)).await;
        let predicted = self.world.caller(&proof);
        assert_eq!(said.map(|_| ()), predicted.map(|_| ()), "the password of u{user}");
        if self.world.users[user].state == State::Active {
            let listed = self.client.list_sessions(self.world.credentials(&proof), "").await.unwrap();
            self.check_list(&self.world.live_of(user), None, &listed);
        }
    }

    /// As far as events are kept, and fit on a page.
    async fn check_events(&self) {
        let (now, tokens) = (self.world.now, &self.world.tokens);
        let may = |id: &&Id| self.world.admin(**id).is_ok();
        let Some(admin) = tokens.keys().find(may) else { return };
        let message = pb::ListSecurityEventsRequest { page_size: 200, ..Default::default() };
        let page = self.admin(*admin).list_events(message).await.unwrap();
        let told = |event: &pb::SecurityEvent| Event {
            kind: event.kind(),
            at: millis(event.time),
            count: usize::try_from(event.count).unwrap(),
            user: event.user_id.clone(),
            actor: event.actor_id.clone(),
            session: event.session_id.clone(),
        };
        let is_kept = |event: &Event| event.at > now - EVENTS_KEPT && event.kind != Kind::SignInFailed;
        let listed: Vec<Event> = page.events.iter().map(told).filter(is_kept).collect();
        let known: Vec<&Event> = self.world.events.iter().rev().filter(|event| is_kept(event)).collect();
        for (nth, (listed, known)) in listed.iter().zip(&known).enumerate() {
            assert_eq!(&listed, known, "security event {nth}, the latest first");
        }
        assert!(listed.len() == known.len() || !page.next_page_token.is_empty(), "an event more or less");
    }

    pub fn check_list(&self, sessions: &[Id], current: Option<Id>, listed: &[pb::Session]) {
        let expected: Vec<_> = sessions.iter().map(|id| self.shown(*id, current == Some(*id))).collect();
        let told = |shown: &pb::Session| {
            let times = [shown.create_time, shown.last_use_time, shown.expire_time].map(millis);
            (shown.session_id.clone(), times, shown.current)
        };
        assert_eq!(listed.iter().map(told).collect::<Vec<_>>(), expected, "the sessions {sessions:?}");
        for shown in listed {
            assert!(shown.user_agent.starts_with("tonic/") && shown.peer == "127.0.0.1", "{shown:?}");
        }
    }

    fn shown(&self, id: Id, current: bool) -> (String, [i64; 3], bool) {
        let session = &self.world.sessions[&id];
        let times = [session.opened, session.used, self.world.expiry_of(session)];
        (session.id.clone(), times, current)
    }
}
