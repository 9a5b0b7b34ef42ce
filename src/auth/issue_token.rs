//! Issuing access tokens: for a password, which opens a session, or for a token, which stays in its session.

use std::time::{Duration, Instant};

use countersign_verify::Claims;
use zeroize::Zeroizing;

use super::caller::Proof;
use super::{Authority, Caller, Error, Presented};
use crate::domain::{AuthMethods, Session, SessionId, Standing, Timestamp, TokenId, User, UserState};

/// How old a session's last use may be before a renewal writes it down: exchanging tokens must not cost a commit each.
const USE_GRANULARITY: Duration = Duration::from_secs(60);

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
    /// When the answer is no longer waited for.
    pub deadline: Option<Instant>,
}

/// A token, and what its holder needs to know without reading it.
pub struct Issued {
    /// The token.
    pub token: Zeroizing<String>,
    /// How long it lives from its issue on.
    pub lifetime: Duration,
    /// When it expires.
    pub expires: Timestamp,
    /// The session that it belongs to.
    pub session_id: SessionId,
}

/// What a new token is made of.
struct Grant<'a> {
    user: &'a User,
    session: &'a Session,
    audience: &'a str,
    issued: Timestamp,
    expires: Timestamp,
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
                let user = self.prove_password(&username, &password, command.deadline).await?;
                self.open_session(&user, lifetime, audience).await
            }
        }
    }

    /// Opens a session and commits it before the answer. The insert reads the user again: a password changed or a user
    /// disabled while the hash was being computed opens nothing.
    async fn open_session(&self, user: &User, lifetime: Duration, audience: &str) -> Result<Issued, Error> {
        let parts = self.parts();
        let now = parts.clock.now();
        let session = Session {
            id: SessionId::generate(now, &*parts.entropy),
            user_id: user.id,
            methods: AuthMethods::Password,
            auth_time: now,
            created: now,
            used: now,
            expires: now.plus(parts.policy.session_absolute_limit),
            ended: None,
        };
        let issued = now.floor_to_second();
        let expires = issued.plus(lifetime).min(session.expires.floor_to_second());
        if !parts.store.open_session(&session, user.epoch).await? {
            return Err(Error::CredentialsInvalid);
        }
        Ok(self.mint(&Grant { user, session: &session, audience, issued, expires }))
    }

    /// Another token in the caller's session, decided by what the database says of session and user now.
    async fn renew(&self, caller: &Caller, lifetime: Duration, audience: &str) -> Result<Issued, Error> {
        let parts = self.parts();
        let Proof::Token { claims, .. } = caller.proof() else { return Err(Error::CredentialsInvalid) };
        let session_id = SessionId::from_uuid(claims.session_id);
        let found = parts.store.lookup_session_with_user(session_id).await?;
        let Some((session, user)) = found else { return Err(Error::TokenRevoked) };
        let now = parts.clock.now();
        check_standing(claims, &session, &user, now)?;

        let mut limit = parts.policy.lifetimes.renewal_limit(session.auth_time, session.expires);
        if audience != parts.policy.audiences.own() {
            // A token for another audience cannot be taken back by exchanging it again, so it never outlives its origin.
            limit = limit.min(Timestamp::from_millis(claims.expires_at * 1000));
        }
        let issued = now.floor_to_second();
        let expires = issued.plus(lifetime).min(limit.floor_to_second());
        if expires <= issued {
            return Err(Error::TokenExpired);
        }
        if now.since(session.used) >= USE_GRANULARITY && !parts.store.record_use(session.id, now).await? {
            return Err(Error::TokenRevoked);
        }
        Ok(self.mint(&Grant { user: &user, session: &session, audience, issued, expires }))
    }

    /// Signs the token. One for Countersign itself starts in the cache: its first use costs no signature check.
    fn mint(&self, grant: &Grant<'_>) -> Issued {
        let parts = self.parts();
        let claims = self.claims(grant);
        let token = parts.signer.sign(&claims);
        if grant.audience == parts.policy.audiences.own() {
            self.tokens().remember(&token, Caller::by_token(claims, parts.signer.public_key().id().clone()));
        }
        Issued {
            token: Zeroizing::new(token),
            lifetime: grant.expires.since(grant.issued),
            expires: grant.expires,
            session_id: grant.session.id,
        }
    }

    fn claims(&self, grant: &Grant<'_>) -> Claims {
        let parts = self.parts();
        let Grant { user, session, .. } = grant;
        Claims {
            issuer: parts.policy.issuer.clone(),
            audience: grant.audience.to_owned(),
            subject: user.id.as_uuid(),
            issued_at: grant.issued.as_secs(),
            not_before: grant.issued.as_secs(),
            expires_at: grant.expires.as_secs(),
            token_id: TokenId::generate(grant.issued, &*parts.entropy).as_uuid(),
            session_id: session.id.as_uuid(),
            epoch: user.epoch.number(),
            auth_time: session.auth_time.as_secs(),
            name: user.username.shown().to_owned(),
            roles: user.roles.iter().map(str::to_owned).collect(),
            amr: session.methods.names().iter().map(|&name| name.to_owned()).collect(),
        }
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
            "must not be given both in the message and in the authorization metadata",
        )),
        (false, false, Presented::Unreadable) => Err(Error::CredentialsInvalid),
        (false, false, Presented::Nothing | Presented::Token(_)) => {
            Ok(Presented::Password { username, password })
        }
    }
}

/// Whether a token may still be exchanged: its session lives, its user may prove itself, and neither has moved on.
fn check_standing(claims: &Claims, session: &Session, user: &User, now: Timestamp) -> Result<(), Error> {
    let same_user = session.user_id == user.id && user.id.as_uuid() == claims.subject;
    if !same_user || user.state != UserState::Active || user.epoch.number() != claims.epoch {
        return Err(Error::TokenRevoked);
    }
    match session.standing(now) {
        Standing::Live => Ok(()),
        Standing::Expired => Err(Error::TokenExpired),
        Standing::Ended => Err(Error::TokenRevoked),
    }
}
