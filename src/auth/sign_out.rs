//! Ending sessions before their time. OK means that the next check of a token fails: what cannot be written is an error.

use countersign_verify::Claims;
use zeroize::Zeroizing;

use super::caller::Proof;
use super::{Authority, CallContext, Caller, Error, Holder, UserRef};
use crate::crypto::RefreshToken;
use crate::domain::{SessionId, UserId};
use crate::store::Whose;

/// The role that may end anybody's sessions.
const ADMIN: [&str; 1] = ["admin"];

impl Authority {
    /// Ends the session that a token belongs to: an access token, expired or not, for whatever audience; a refresh token,
    /// spent or not. A token that is not ours, or whose session is over, needs nothing (RFC 7009, section 2.2). On whose
    /// behalf that was, if it was ours.
    pub async fn revoke_token(
        &self,
        token: &Zeroizing<String>,
        context: &CallContext,
    ) -> Result<Option<Holder>, Error> {
        if token.is_empty() {
            return Err(Error::field("token", "is missing"));
        }
        let Some((id, user)) = self.session_of(token) else { return Ok(None) };
        let found = self.parts().store.lookup_session_with_user(id).await?;
        let user = user.or(found.as_ref().map(|(_, user)| user.id));
        let holder = user.map_or(Holder::Gone, Holder::User);
        let store = &self.parts().store;
        // Whoever repeats it pays a look-up, and does not take the writer's time.
        if found.is_some_and(|(session, _)| session.ended.is_none()) {
            store.give_back_session(id, &self.act(None, context)).await?;
        } else {
            // Ended by another process, or by a call that has not published it yet: OK means that the next check fails.
            self.follow_trust_log().await?;
        }
        Ok(Some(holder))
    }

    /// Ends one session: the caller's own, or anybody's for an admin. For others a foreign one is not there.
    pub async fn revoke_session(
        &self,
        caller: &Caller,
        id: SessionId,
        context: &CallContext,
    ) -> Result<(), Error> {
        let parts = self.parts();
        let whose = if caller.has_any_role(&ADMIN) {
            Whose::AnybodysBy(caller.user_id())
        } else {
            Whose::Of(caller.user_id())
        };
        // Who asks for what is not there does not take the writer's time. The transaction decides.
        if parts.store.lookup_session_with_user(id).await?.is_none() {
            return Err(Error::SessionNotFound);
        }
        let act = self.act(Some(caller), context);
        let revoked = parts.store.revoke_session(id, whose, parts.policy.sessions, &act).await;
        revoked.map_err(|error| caller.explain(error.into()))
    }

    /// Ends all sessions of a user, or all but the one of the caller's token. How many there were.
    pub async fn revoke_all_sessions(
        &self,
        caller: &Caller,
        user: UserRef,
        keep_current: bool,
        context: &CallContext,
    ) -> Result<usize, Error> {
        let parts = self.parts();
        let id = caller.may_act_on(user, &ADMIN)?;
        let kept = if keep_current { Some(caller.session_to_keep(user)?) } else { None };
        if let Some(kept) = kept
            && self.has_no_other_session(caller, kept).await?
        {
            return Ok(0);
        }
        let (act, limits) = (self.act(Some(caller), context), parts.policy.sessions);
        let revoked = match kept {
            None => parts.store.revoke_all_sessions(id, limits, &act).await,
            Some(kept) => parts.store.revoke_other_sessions(id, kept, limits, &act).await,
        };
        revoked.map_err(|error| caller.explain(error.into()))
    }

    /// Asking costs nobody's password and must not take the writer's time for nothing.
    async fn has_no_other_session(&self, caller: &Caller, kept: SessionId) -> Result<bool, Error> {
        let parts = self.parts();
        let now = parts.clock.now();
        let live = parts.store.list_sessions(caller.user_id(), now, &parts.policy.sessions, 2).await?;
        if live.iter().any(|session| session.id != kept) {
            return Ok(false);
        }
        self.follow_trust_log().await?;
        Ok(true)
    }

    /// The session of a token, and its user, if the token says so.
    fn session_of(&self, token: &str) -> Option<(SessionId, Option<UserId>)> {
        let parts = self.parts();
        let keys = parts.keys.current();
        if RefreshToken::is_meant(token) {
            return RefreshToken::parse(token, &keys.server_key).map(|token| (token.session(), None));
        }
        let verified = parts.verifier.recognize(keys.ring.keys(), token).ok()?;
        let Claims { session_id, subject, .. } = verified.claims;
        Some((SessionId::from_uuid(session_id), Some(UserId::from_uuid(subject))))
    }
}

impl Caller {
    /// The session that is to be kept while the others end: that of the caller's own token.
    fn session_to_keep(&self, user: UserRef) -> Result<SessionId, Error> {
        let own = user == UserRef::Me || user == UserRef::Id(self.user_id());
        match (self.proof(), self.session_id()) {
            (Proof::Token { .. }, Some(id)) if own => Ok(id),
            (Proof::Token { .. }, _) => {
                Err(Error::field("keep_current", "keeps nothing when another user's sessions are ended"))
            }
            (Proof::Password, _) => {
                Err(Error::field("keep_current", "needs a token: a password belongs to no session"))
            }
        }
    }
}
