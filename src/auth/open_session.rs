//! Opening a session, by a password that was proven.

use std::sync::Arc;
use std::time::Duration;

use super::mint::Grant;
use super::{Authority, CallContext, CurrentKeys, Error, Issued};
use crate::crypto::{RefreshToken, SigningKey};
use crate::domain::{AuthMethods, Epoch, Session, SessionId, SessionLimits, Timestamp, User};
use crate::store::NewSession;

/// The role whose users may have as many sessions as they like: programs that run many times over.
const UNLIMITED: &str = "service";

/// What kind of session a password opens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Opens {
    /// One that is carried on with refresh tokens.
    #[default]
    Renewable,
    /// One that ends with its first token and has no refresh token: for those who know of no sessions and would never end
    /// one. It takes the place of no other than its like.
    EndsWithToken,
}

/// What is to be issued with a session.
pub(super) struct NewGrant<'a> {
    pub(super) lifetime: Duration,
    pub(super) audience: &'a str,
    pub(super) opens: Opens,
}

/// A session that is about to be opened, and the tokens that it starts with.
pub(super) struct Opening {
    session: Session,
    refresh_token: Option<RefreshToken>,
    keys: Arc<CurrentKeys>,
    signing: SigningKey,
    limits: SessionLimits,
    issued: Timestamp,
    expires: Timestamp,
}

impl Authority {
    /// Opens a session and commits it before the answer. The insert reads the user again: a password changed or a user
    /// disabled while the hash was being computed opens nothing.
    pub(super) async fn open_session(
        &self,
        user: &User,
        grant: &NewGrant<'_>,
        context: &CallContext,
    ) -> Result<Issued, Error> {
        let act = self.act(None, context);
        let mut opening = self.prepare_session(user, grant.lifetime, context, act.now).await?;
        if grant.opens == Opens::EndsWithToken {
            opening.session.expires = opening.expires;
            opening.refresh_token = None;
        }
        let new = opening.to_insert();
        let Some(epoch) = self.parts().store.open_session(new, user.proof(), &act).await? else {
            return Err(Error::CredentialsInvalid);
        };
        Ok(self.issue_first(&opening, user, epoch, grant.audience))
    }

    /// Nothing is opened where nothing can be signed.
    pub(super) async fn prepare_session(
        &self,
        user: &User,
        lifetime: Duration,
        context: &CallContext,
        now: Timestamp,
    ) -> Result<Opening, Error> {
        let parts = self.parts();
        let signing = parts.keys.signing().await?;
        let mut limits = parts.policy.sessions;
        if user.roles.has(UNLIMITED) {
            limits.per_user = None;
        }
        let id = SessionId::generate(now, &*parts.entropy);
        let end = now.plus(limits.absolute);
        let issued = now.floor_to_second();
        let expires = signing.limit(issued.plus(lifetime).min(end)).floor_to_second();
        let session = Session {
            id,
            user_id: user.id,
            methods: AuthMethods::Password,
            auth_time: now,
            created: now,
            used: now,
            expires: end,
            tokens_until: expires,
            ended: None,
            origin: context.origin.clone(),
        };
        let refresh_token = Some(RefreshToken::generate(id, &*parts.entropy));
        Ok(Opening { session, refresh_token, keys: parts.keys.current(), signing, limits, issued, expires })
    }

    /// The tokens of a session that has been opened. `epoch` is what the opening saw.
    pub(super) fn issue_first(&self, opening: &Opening, user: &User, epoch: Epoch, audience: &str) -> Issued {
        let Opening { session, signing, issued, expires, .. } = opening;
        let grant = Grant { user, epoch, session, signing, audience, issued: *issued, expires: *expires };
        let refresh_token = opening.refresh_token.as_ref();
        let refresh_token = refresh_token.map(|token| token.to_text(&opening.keys.server_key));
        Issued { refresh_token, ..self.mint(&grant) }
    }
}

impl Opening {
    /// What the store is given: hashes for tokens.
    pub(super) fn to_insert(&self) -> NewSession {
        NewSession {
            session: self.session.clone(),
            refresh: self.refresh_token.as_ref().map(|token| token.hash(&self.keys.server_key)),
            limits: self.limits,
        }
    }
}
