//! The calls about sessions and their tokens, made to both.

use countersign::pb::auth::v1 as pb;

use super::session_rules::{Spending, configured, granted};
use super::walk::{Walk, tokens_of};
use super::world::{Id, Proof};
use crate::harness::Credentials;

/// What is asked of IssueToken beside credentials.
#[derive(Clone, Debug)]
pub struct Wish {
    /// In milliseconds.
    pub lifetime: Option<i64>,
    pub audience: &'static str,
}

impl Walk {
    /// With credentials in the metadata, or a name and a password in the message.
    pub async fn issue(&mut self, proof: &Proof, in_message: bool, wish: &Wish) {
        let now = self.world.now;
        self.history.note(now, format!("IssueToken {proof:?} in message: {in_message}, {wish:?}"));
        let predicted = granted(wish.lifetime).and_then(|lifetime| {
            let audience = configured(wish.audience)?;
            let caller = self.world.caller(proof)?;
            match proof {
                Proof::Bearer(token) | Proof::AsName(token) => {
                    self.world.exchange(*token, lifetime, audience)
                }
                _ => Ok(self.world.sign_in(caller.user, lifetime, audience)),
            }
        });
        let lifetime = wish.lifetime.map(|millis| prost_types::Duration {
            seconds: millis / 1000,
            nanos: i32::try_from(millis % 1000).unwrap() * 1_000_000,
        });
        let audience = wish.audience.to_owned();
        let mut message = pb::IssueTokenRequest { lifetime, audience, ..Default::default() };
        let mut credentials = self.world.credentials(proof);
        if let (Proof::Password(name, password), true) = (proof, in_message) {
            (message.username, message.password) = (name.clone(), password.clone());
            // A token beside a name and a password is not looked at.
            credentials = match self.world.tokens.values().next().filter(|token| !token.text.is_empty()) {
                Some(token) if now % 2 == 0 => Credentials::Bearer(&token.text),
                _ => Credentials::None,
            };
        }
        let said = self.client.issue(credentials, message).await;
        let Some((minted, answer)) = self.agree(predicted, said) else { return };
        let exchanged = answer.refresh_token.is_empty();
        self.take_tokens(&minted, answer);
        if exchanged {
            self.see_use(minted.session).await;
        }
    }

    pub async fn refresh(&mut self, spending: &Spending, text: Option<String>) {
        let Spending { session, generation, key, audience } = spending;
        let last = self.world.sessions[session].chain.len();
        let sent = key.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let what = format!("RefreshToken s{session} {} of {last}, key {sent:?} {audience:?}", generation + 1);
        self.history.note(self.world.now, what);
        let link = self.world.sessions[session].chain[*generation].text.clone();
        let (predicted, refresh_token) = match text {
            Some(garbage) => (Err(crate::harness::Refused::unauthenticated("TOKEN_INVALID")), garbage),
            None => (self.world.refresh(spending), link),
        };
        let message = pb::RefreshTokenRequest {
            refresh_token,
            retry_key: key.clone(),
            audience: (*audience).to_owned(),
        };
        let said = self.client.refresh_with(message).await.map(tokens_of);
        let Some((minted, answer)) = self.agree(predicted, said) else { return };
        self.take_tokens(&minted, answer);
        let proven_before = self.world.sessions[session].proven;
        let used_before = self.world.sessions[session].used;
        self.see_use(*session).await;
        // A repetition that was written down is a refresh like the first.
        let found = self.world.sessions.get_mut(session).unwrap();
        found.proven = if found.used == used_before { proven_before } else { found.used };
    }

    /// RevokeToken with a token of this session, or with one that is nobody's.
    pub async fn give_back(&mut self, text: &str, session: Option<Id>) {
        self.history
            .note(self.world.now, format!("RevokeToken {session:?} {}…", &text[..text.len().min(10)]));
        if let Some(session) = session {
            self.world.end(session);
        }
        let said = self.client.revoke_token(text).await;
        self.agree(Ok(()), said);
    }

    pub async fn revoke_session(&mut self, proof: &Proof, session: Option<Id>) {
        self.history.note(self.world.now, format!("RevokeSession {session:?} by {proof:?}"));
        let id = session.map_or(NOBODY.to_owned(), |id| self.world.sessions[&id].id.clone());
        let said = self.client.revoke_session(self.world.credentials(proof), &id).await;
        let predicted = self.world.revoke_session(proof, session);
        self.agree(predicted, said);
    }

    pub async fn revoke_all(&mut self, proof: &Proof, target: Option<Id>, keep_current: bool) {
        self.history.note(
            self.world.now,
            format!("RevokeAllSessions of {target:?}, keep {keep_current}, by {proof:?}"),
        );
        let id = self.text_of(target);
        let said = self.client.revoke_all_sessions(self.world.credentials(proof), &id, keep_current).await;
        let predicted = self.world.revoke_all(proof, target, keep_current);
        if let Some((predicted, count)) = self.agree(predicted, said) {
            assert_eq!(usize::try_from(count).unwrap(), predicted, "how many sessions were ended");
        }
    }

    pub async fn list_sessions(&mut self, proof: &Proof, target: Option<Id>) {
        self.history.note(self.world.now, format!("ListSessions of {target:?} by {proof:?}"));
        let id = self.text_of(target);
        let said = self.client.list_sessions(self.world.credentials(proof), &id).await;
        let predicted = self.world.list(proof, target);
        if let Some(((sessions, current), listed)) = self.agree(predicted, said) {
            self.check_list(&sessions, current, &listed);
        }
    }

    /// A user as calls name it.
    pub fn text_of(&self, user: Option<Id>) -> String {
        user.map_or(NOBODY.to_owned(), |id| self.world.users[id].id.clone())
    }
}

/// An id that is neither a user's nor a session's.
pub const NOBODY: &str = "0193b4a0-5f6e-7c3a-8d5e-1f2a3b4c5d6e";
