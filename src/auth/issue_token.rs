//! Issuing access tokens: for a password, which opens a session, or for a token, which stays in its session.

use std::time::Duration;

use countersign_verify::Claims;
use zeroize::Zeroizing;

use super::caller::Proof;
use super::mint::Grant;
use super::open_session::{NewGrant, Opens};
use super::{Authority, CallContext, Caller, Error, Issued, Presented};
use crate::domain::{SessionId, Timestamp, User, UserId, UserState};

/// What is asked for, and what was presented for it.
pub struct IssueCommand {
    /// The credentials in the metadata.
    pub presented: Presented,
    /// The name in the message; empty is none.
    pub username: String,
    /// The password in the message; empty is none.
    pub password: Zeroizing<String>,
    /// How long the token shall live.
    pub lifetime: Option<Duration>,
    /// Whom it is for; empty is Countersign itself.
    pub audience: String,
    /// What kind of session a password opens.
    pub opens: Opens,
    /// The call.
    pub context: CallContext,
}

impl Authority {
    /// Issues a token. Fields are checked before anything is spent on credentials.
    pub async fn issue_token(&self, command: IssueCommand) -> Result<Issued, Error> {
        let policy = &self.parts().policy;
        let lifetime = policy
            .lifetimes
            .grant(command.lifetime)
            .map_err(|rule| Error::field("lifetime", rule.to_string()))?;
        let Some(audience) = policy.audiences.pick(&command.audience) else {
            return Err(Error::field("audience", "is not one of the configured audiences"));
        };
        match choose(command.presented, command.username, command.password)? {
            Presented::Nothing => Err(Error::CredentialsMissing),
            Presented::Unreadable => Err(Error::CredentialsInvalid),
            Presented::Token(token) => {
                let caller = self.authenticate_token(&token)?;
                self.renew(&caller, lifetime, audience).await
            }
            Presented::Password { username, password } => {
                let user = self.prove_password(&username, &password, &command.context).await?;
                let grant = NewGrant { lifetime, audience, opens: command.opens };
                self.open_session(&user, &grant, &command.context).await
            }
        }
    }

    /// Another token in the caller's session, decided by what the database says of session and user now.
    async fn renew(&self, caller: &Caller, lifetime: Duration, audience: &str) -> Result<Issued, Error> {
        let parts = self.parts();
        let Proof::Token { claims, .. } = caller.proof() else { return Err(Error::CredentialsInvalid) };
        let session_id = SessionId::from_uuid(claims.session_id);
        let found = parts.store.lookup_session_with_user(session_id).await?;
        let Some((session, user)) = found else { return Err(Error::TokenRevoked) };
        let (now, limits) = (parts.clock.now(), parts.policy.sessions);
        check_standing(claims, &user, session.user_id)?;
        session.standing(now, &limits).check()?;

        let longest = parts.policy.lifetimes.renewal_limit(session.auth_time, session.expires);
        let mut limit = longest;
        if audience != parts.policy.audiences.own() {
            // A token for another audience cannot be taken back by exchanging it again, so it never outlives its origin.
            limit = limit.min(Timestamp::from_millis(claims.expires_at * 1000));
        }
        let signing = parts.keys.signing().await?;
        let issued = now.floor_to_second();
        let expires = signing.limit(issued.plus(lifetime).min(limit)).floor_to_second();
        if expires <= issued {
            return Err(Error::TokenExpired);
        }
        // Written down at once up to the longest token that there may be: exchanging must not cost a commit each.
        let until = if expires > session.tokens_until { longest } else { session.tokens_until };
        let writes = until > session.tokens_until || now.since(session.used) >= limits.use_granularity();
        if writes && !parts.store.record_use(session.id, now, (user.epoch, until), &limits).await? {
            return Err(Error::TokenRevoked);
        }
        let (epoch, user, session, signing) = (user.epoch, &user, &session, &signing);
        Ok(self.mint(&Grant { user, epoch, session, signing, audience, issued, expires }))
    }
}

/// Which credentials count. Those in the message go before a token in the metadata, so that a client which attaches its
/// old token to every call can still sign in; two passwords are a mistake that nobody should guess about.
fn choose(presented: Presented, username: String, password: Zeroizing<String>) -> Result<Presented, Error> {
    match (username.is_empty(), password.is_empty(), presented) {
        (true, true, presented) => Ok(presented),
        (true, false, _) => Err(Error::field("username", "is missing beside a password")),
        (false, true, _) => Err(Error::field("password", "is missing beside a username")),
        (false, false, Presented::Password { .. }) => Err(Error::field(
            "password",
            "must not be given both in the message and in authorization, the header or metadata",
        )),
        (false, false, Presented::Unreadable) => Err(Error::CredentialsInvalid),
        (false, false, Presented::Nothing | Presented::Token(_)) => {
            Ok(Presented::Password { username, password })
        }
    }
}

/// Whether a token may still be exchanged as far as its user is concerned: it may prove itself, and has not moved on.
fn check_standing(claims: &Claims, user: &User, session_of: UserId) -> Result<(), Error> {
    let same_user = session_of == user.id && user.id.as_uuid() == claims.subject;
    if !same_user || user.state != UserState::Active || user.epoch.number() != claims.epoch {
        return Err(Error::TokenRevoked);
    }
    Ok(())
}
