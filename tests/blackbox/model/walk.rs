//! A walk: the server, the model, and what both are told. Owns time, restarts and the comparison of answers.

use std::collections::BTreeSet;
use std::time::Duration;

use countersign::domain::Clock;
use countersign::pb::auth::v1 as pb;
use tonic::transport::Channel;

use super::chance::Chance;
use super::history::History;
use super::session_rules::{Fresh, Minted};
use super::world::{DAY, HOUR, Id, Limits, MINUTE, NAME_REST, Proof, SECOND, Token, World};
use crate::harness::{AdminClient, Client, Credentials, PASSWORD, Refused, TestServer, Tokens};

/// How much the model remembers: what is over is dropped beyond that, the oldest first.
const MOST_SESSIONS: usize = 24;
const MOST_TOKENS: usize = 40;
const MOST_CODES: usize = 8;

pub struct Walk {
    pub world: World,
    pub chance: Chance,
    pub history: History,
    pub client: Client,
    pub channel: Channel,
    server: Option<TestServer>,
}

impl Walk {
    /// A server and one user, an admin.
    pub async fn begin(seed: u64, limits: Limits) -> Self {
        let server = TestServer::start_with(|config| {
            let sessions = &mut config.policy.sessions;
            sessions.idle = span(limits.idle);
            sessions.absolute = span(limits.absolute);
            sessions.per_user = per_user(limits);
        })
        .await;
        let channel = server.channel().await;
        let now = server.clock.now().as_millis();
        let mut world = World {
            now,
            limits,
            users: Vec::new(),
            sessions: [].into(),
            tokens: [].into(),
            codes: [].into(),
            events: Vec::new(),
            next: 0,
        };
        let client = Client::new(channel.clone());
        let root = world.create_user("root", PASSWORD).unwrap();
        world.users[root].id = client.create_user("root", PASSWORD).await.unwrap().user_id;
        server.execute_sql("UPDATE users SET roles = 'admin'").await;
        world.users[root].roles.push("admin".to_owned());
        let (chance, history) = (Chance::new(seed), History::new(seed, now));
        Self { world, chance, history, client, channel, server: Some(server) }
    }

    fn server(&self) -> &TestServer {
        self.server.as_ref().unwrap()
    }

    /// How calls were answered.
    pub async fn end(mut self) -> BTreeSet<(String, String)> {
        self.server.take().unwrap().stop().await;
        std::mem::take(&mut self.history.outcomes)
    }

    /// Lets time pass: never none, so that no two uses of sessions are at the same moment.
    pub fn let_time_pass(&mut self) {
        let chance = &self.chance;
        let (span, what) = match chance.below(1000) {
            0..6 => (self.span_to_a_name(), "months"),
            6..12 => (chance.span(DAY, 9 * DAY), "days"),
            12..30 => (chance.span(HOUR, 9 * HOUR), "hours"),
            30..90 => (self.span_to_a_deadline(), "to a deadline"),
            90..210 => (chance.span(SECOND, 3 * MINUTE), "minutes"),
            _ => (chance.span(1, 1500), ""),
        };
        self.world.now += span;
        self.world.forget_keys();
        self.server().clock.advance(self::span(span));
        if !what.is_empty() {
            self.history.note(self.world.now, format!("wait {what}, {span} ms"));
        }
    }

    /// To the end of a name's rest, or one millisecond around it.
    fn span_to_a_name(&self) -> i64 {
        let ends: Vec<i64> = self.world.ends_of_rest().iter().map(|(end, _)| end - self.world.now).collect();
        let ahead: Vec<i64> = ends.into_iter().filter(|span| *span > 1).collect();
        let span = self.chance.pick(&ahead).copied().unwrap_or(NAME_REST);
        span + self.chance.span(-1, 1)
    }

    /// To a moment at which something ends, or one millisecond around it.
    fn span_to_a_deadline(&self) -> i64 {
        let world = &self.world;
        let mut deadlines: Vec<i64> = world.tokens.values().map(|token| token.expires * SECOND).collect();
        for session in world.sessions.values() {
            deadlines.extend([world.expiry_of(session), world.end_of(session)]);
        }
        deadlines.extend(world.codes.values().map(|code| code.expires));
        deadlines.extend(world.ends_of_rest().iter().map(|(end, _)| *end));
        deadlines.retain(|deadline| *deadline > world.now + 1);
        deadlines.sort_unstable();
        // Mostly one of the next, or everything else would be over.
        let ahead = if self.chance.one_in(6) { deadlines.len() } else { deadlines.len().min(6) };
        let chosen = self.chance.pick(&deadlines[..ahead]).copied().unwrap_or(world.now + SECOND);
        (chosen + self.chance.span(-1, 1) - world.now).max(1)
    }

    pub async fn restart(&mut self) {
        let per_user_now = *self.chance.pick(&[2, 3, 4, 4, 0]).unwrap();
        self.world.limits.per_user = per_user_now;
        self.history.note(self.world.now, format!("restart with {per_user_now} sessions a user"));
        let limits = self.world.limits;
        let server = self.server.take().unwrap();
        let server = server.restart_with(|config| config.policy.sessions.per_user = per_user(limits)).await;
        self.channel = server.channel().await;
        self.client = Client::new(self.channel.clone());
        self.server = Some(server);
    }

    pub fn admin(&self, token: Id) -> AdminClient {
        AdminClient::new(self.channel.clone(), &self.world.tokens[&token].text)
    }

    /// The prediction and the answer if both are one; nothing if both are the same refusal.
    pub fn agree<T, A>(&mut self, predicted: Result<T, Refused>, said: Result<A, Refused>) -> Option<(T, A)> {
        match (predicted, said) {
            (Ok(predicted), Ok(answer)) => {
                self.history.answered("ok");
                Some((predicted, answer))
            }
            (Err(predicted), Err(refused)) => {
                self.history.answered(&refused.reason);
                assert_eq!(refused, predicted, "the server's refusal, and the model's");
                None
            }
            (Err(predicted), Ok(_)) => panic!("the server answers; by the model it is {predicted:?}"),
            (Ok(_), Err(refused)) => panic!("the server refuses with {refused:?}; by the model it answers"),
        }
    }

    /// Takes up the tokens of an answer.
    pub fn take_tokens(&mut self, minted: &Minted, answer: Tokens) {
        let world = &mut self.world;
        let expires = answer.expire_time.unwrap();
        assert!(minted.expires.contains(&expires.seconds), "{expires:?} is not within {:?}", minted.expires);
        let lifetime = expires.seconds - world.now / SECOND;
        assert_eq!((answer.duration.unwrap().seconds, expires.nanos), (lifetime, 0));
        assert_eq!(answer.token_type, "Bearer");
        let session = world.sessions.get_mut(&minted.session).unwrap();
        if session.id.is_empty() {
            session.id.clone_from(&answer.session_id);
        }
        assert_eq!(answer.session_id, session.id);
        let last = session.chain.last_mut().unwrap();
        match minted.refresh {
            Fresh::None => assert_eq!(answer.refresh_token, ""),
            Fresh::Again => assert_eq!(answer.refresh_token, last.text, "the same refresh token again"),
            Fresh::New => {
                assert!(answer.refresh_token.starts_with("csr_"), "{:?}", answer.refresh_token);
                last.text.clone_from(&answer.refresh_token);
            }
        }
        let token = world.tokens.get_mut(&minted.token).unwrap();
        (token.text, token.expires) = (answer.token, expires.seconds);
        self.history.add(format!("t{} of s{}", minted.token, minted.session));
        self.forget();
    }

    /// Whether a use of a session was written down: within a minute of the last one it need not be. That is the only thing
    /// that the model asks and does not know.
    pub async fn see_use(&mut self, session: Id) {
        let user = &self.world.users[self.world.sessions[&session].user];
        let credentials = Credentials::Basic(&user.name, &user.password);
        let listed = self.client.list_sessions(credentials, "").await.unwrap();
        let found = &mut self.world.sessions.get_mut(&session).unwrap();
        let shown = listed.iter().find(|shown| shown.session_id == found.id).expect("its session is live");
        let used = millis(shown.last_use_time);
        let unwritten = used == found.used && self.world.now - used < MINUTE;
        assert!(used == self.world.now || unwritten, "used at {used} and not noted at {}", self.world.now);
        found.used = used;
    }

    /// Drops what is over and too much.
    fn forget(&mut self) {
        let world = &mut self.world;
        let over: Vec<Id> =
            world.sessions.keys().copied().filter(|id| world.check_session(*id).is_err()).collect();
        let too_many = world.sessions.len().saturating_sub(MOST_SESSIONS);
        for id in over.iter().take(too_many) {
            world.sessions.remove(id);
            world.tokens.retain(|_, token| token.session != *id);
        }
        let expired = |token: &Token| world.now >= token.expires * SECOND;
        let over: Vec<Id> = world.tokens.iter().filter(|(_, t)| expired(t)).map(|(id, _)| *id).collect();
        let too_many = world.tokens.len().saturating_sub(MOST_TOKENS);
        over.iter().take(too_many).for_each(|id| drop(world.tokens.remove(id)));
        while world.codes.len() > MOST_CODES {
            world.codes.pop_first();
        }
    }

    /// The password of a user, as what is presented for a call.
    pub fn password_of(&self, user: Id) -> Proof {
        let user = &self.world.users[user];
        Proof::Password(user.name.clone(), user.password.clone())
    }
}

pub fn millis(at: Option<prost_types::Timestamp>) -> i64 {
    let at = at.unwrap();
    at.seconds * SECOND + i64::from(at.nanos) / 1_000_000
}

/// Three messages say the same.
pub fn tokens_of(answer: pb::RefreshTokenResponse) -> Tokens {
    let pb::RefreshTokenResponse { token, token_type, duration, expire_time, refresh_token, session_id } =
        answer;
    Tokens { token, token_type, duration, expire_time, refresh_token, session_id }
}

fn span(millis: i64) -> Duration {
    Duration::from_millis(u64::try_from(millis).unwrap())
}

fn per_user(limits: Limits) -> Option<u32> {
    u32::try_from(limits.per_user).ok().filter(|limit| *limit > 0)
}
