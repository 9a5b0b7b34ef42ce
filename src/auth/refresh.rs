//! Refreshing: one refresh token for the next, exactly once.
//!
//! The session's row holds the hashes of the current token and of the one that was spent for it, the hash of the retry key
//! that this was done with, and a salt (`domain::RefreshChain`). Spending is one UPDATE that names the token which it
//! spends, so of many calls at once one writes, and the others read what it wrote and are judged by that. What follows:
//!
//! - **The answer is lost**, or the caller goes away, or the process dies after the commit: the client sends the same token
//!   and the same retry key, and gets the same successor; it is made again from the token that only the client has.
//! - **The commit fails**: the token is still the current one, and is spent by the next attempt.
//! - **A second tab or thread** of the same client sends the same token and the same key at the same time: all get the one
//!   successor. With keys of their own, one wins and the others look like thieves, and are treated so.
//! - **Two replicas** are two callers of one database: the same UPDATE decides, the same server key makes the same
//!   successor.
//! - **A thief who has the token** has no retry key. If he spends it first, the client's attempt is reuse; if the client
//!   does, his is. Either way the session ends, and who is left out learns it.
//! - **A thief who has the token and its key** gets the same successor as the client. Both now hold one token, and each
//!   will spend it with a key that the other does not know: the second of the two ends the session.
//! - **Leapfrogging**: thief and client cannot take turns, each with a key of the last turn: a token whose successor was
//!   spent is neither current nor the one before it, and nothing but the end comes of it. Nor can one key serve two
//!   generations: a key that spent the token before is refused.
//! - **A forged generation**, or any other changed bit, breaks the MAC: it is garbage, costs no I/O and ends nothing.
//! - **A lost server key** breaks every MAC: all refresh tokens are garbage, and everybody signs in again. A server key in
//!   the wrong hands makes MACs, and so can end sessions, but it cannot make a token whose hash is in the database.
//! - **A database of yesterday** knows older tokens than its clients have. A genuine token that it cannot place is treated
//!   as reuse: the session ends, and its user signs in.
//!
//! A session ends for reuse in a task of its own, which commits before the refusal goes out and which a caller that goes
//! away cannot drop.

use zeroize::Zeroizing;

use super::mint::Grant;
use super::{Authority, CallContext, CurrentKeys, Error, Issued};
use crate::crypto::{RefreshToken, SigningKey};
use crate::domain::{
    Act, Presentation, PresentedRefresh, RefreshChain, RetryKey, Salt, Session, Timestamp, User, UserState,
};
use crate::store::{Refreshable, Rotation, StoreError};

/// How often a call reads again because others have changed what it was decided on. Two suffice where nobody changes the
/// user meanwhile.
const ATTEMPTS: usize = 8;

/// A refresh token to be spent.
pub struct RefreshCommand {
    /// The token, as sent.
    pub token: Zeroizing<String>,
    /// The retry key, as sent.
    pub retry_key: Zeroizing<Vec<u8>>,
    /// Whom the access token is for; empty is Countersign itself.
    pub audience: String,
    /// The call.
    pub context: CallContext,
}

/// A genuine token, with what was sent beside it.
struct Attempt<'a> {
    token: &'a RefreshToken,
    keys: &'a CurrentKeys,
    signing: &'a SigningKey,
    presented: PresentedRefresh,
    audience: &'a str,
    act: Act,
}

/// When the new access token is issued and when it expires.
#[derive(Clone, Copy)]
struct Span {
    issued: Timestamp,
    expires: Timestamp,
}

impl Authority {
    /// Spends a refresh token, or repeats what was answered when it was spent.
    pub async fn refresh(&self, command: RefreshCommand) -> Result<Issued, Error> {
        let parts = self.parts();
        let Some(audience) = parts.policy.audiences.pick(&command.audience) else {
            return Err(Error::field("audience", "is not one of the configured audiences"));
        };
        let retry_key = RetryKey::parse(&command.retry_key)
            .map_err(|rule| Error::field("retry_key", rule.to_string()))?;
        // First, because it reads the keys again if those in memory are not good any more.
        let signing = parts.keys.signing().await?;
        let keys = parts.keys.current();
        let key = &keys.server_key;
        let token = RefreshToken::parse(&command.token, key).ok_or(Error::RefreshTokenInvalid)?;
        let presented = PresentedRefresh {
            generation: token.generation(),
            token: token.hash(key),
            retry: retry_key.map(|retry| key.hash_retry_key(token.session(), &retry)),
        };
        let act = self.act(None, &command.context);
        let attempt = Attempt { token: &token, keys: &keys, signing: &signing, presented, audience, act };
        for _ in 0..ATTEMPTS {
            if let Some(issued) = self.attempt_refresh(&attempt).await? {
                return Ok(issued);
            }
        }
        Err(StoreError::contended().into())
    }

    /// One attempt; `None` if others changed meanwhile what it was decided on.
    async fn attempt_refresh(&self, attempt: &Attempt<'_>) -> Result<Option<Issued>, Error> {
        let parts = self.parts();
        let (id, now, limits) = (attempt.token.session(), attempt.act.now, parts.policy.sessions);
        let Some(found) = parts.store.lookup_refreshable(id).await? else {
            Session::standing_of_purged(id, now, &limits).check()?;
            return Err(Error::TokenRevoked);
        };
        found.session.standing(now, &limits).check()?;
        if found.user.state != UserState::Active {
            return Err(Error::TokenRevoked);
        }
        let chain = found.chain.ok_or(Error::RefreshTokenInvalid)?;
        match chain.judge(&attempt.presented) {
            Presentation::Rotates => self.rotate(attempt, &found, chain).await,
            Presentation::Repeats(salt) => self.repeat(attempt, &found, chain, &salt).await,
            Presentation::RetryKeyRepeated => Err(Error::field(
                "retry_key",
                "is the one that the previous refresh token was spent with; make another for each token",
            )),
            Presentation::Reused => self.end_reused(attempt).await,
        }
    }

    async fn rotate(
        &self,
        attempt: &Attempt<'_>,
        found: &Refreshable,
        chain: RefreshChain,
    ) -> Result<Option<Issued>, Error> {
        let parts = self.parts();
        let mut salt = [0; 32];
        parts.entropy.fill(&mut salt);
        let salt = Salt::from_bytes(salt);
        let successor = attempt.token.successor(&salt, &attempt.keys.server_key);
        let to = chain.rotate(successor.hash(&attempt.keys.server_key), salt, attempt.presented.retry);
        let span = self.span(&found.session, attempt)?;
        let rotation = self.rotation(found, chain, to, span);
        if !parts.store.rotate_refresh(&rotation, &attempt.act).await? {
            return Ok(None);
        }
        Ok(Some(self.answer(attempt, &found.user, &refreshed(found, attempt.act.now), (span, &successor))))
    }

    /// The successor once more, and another access token. Many threads may repeat at once, and must not write each: while
    /// the noted use is fresh, a token that lives nearly as long as it should, within what is noted already, is good enough.
    async fn repeat(
        &self,
        attempt: &Attempt<'_>,
        found: &Refreshable,
        chain: RefreshChain,
        salt: &Salt,
    ) -> Result<Option<Issued>, Error> {
        let parts = self.parts();
        let successor = attempt.token.successor(salt, &attempt.keys.server_key);
        if successor.hash(&attempt.keys.server_key) != chain.current {
            return Err(Error::RefreshTokenInvalid);
        }
        let span = self.span(&found.session, attempt)?;
        let noted = Span { expires: span.expires.min(found.session.tokens_until), ..span };
        let is_fresh = attempt.act.now.since(found.session.used) < parts.policy.sessions.use_granularity();
        if is_fresh && span.expires.since(noted.expires) <= parts.policy.lifetimes.default / 10 {
            return Ok(Some(self.answer(attempt, &found.user, &found.session, (noted, &successor))));
        }
        let rotation = self.rotation(found, chain, chain, span);
        if !parts.store.record_repetition(&rotation, &attempt.act).await? {
            return Ok(None);
        }
        Ok(Some(self.answer(attempt, &found.user, &refreshed(found, attempt.act.now), (span, &successor))))
    }

    async fn end_reused(&self, attempt: &Attempt<'_>) -> Result<Option<Issued>, Error> {
        let session_id = attempt.token.session();
        if !self.parts().store.end_reused(session_id, attempt.presented, &attempt.act).await? {
            return Ok(None);
        }
        let generation = attempt.token.generation().number();
        tracing::warn!(%session_id, generation, "a spent refresh token was presented: its session has been ended");
        Err(Error::RefreshTokenReused)
    }

    /// Nothing is spent for a token that would be over when it arrives.
    fn span(&self, session: &Session, attempt: &Attempt<'_>) -> Result<Span, Error> {
        let issued = attempt.act.now.floor_to_second();
        let wanted = issued.plus(self.parts().policy.lifetimes.default).min(session.expires);
        let expires = attempt.signing.limit(wanted).floor_to_second();
        if expires <= issued { Err(Error::TokenExpired) } else { Ok(Span { issued, expires }) }
    }

    fn rotation(&self, found: &Refreshable, from: RefreshChain, to: RefreshChain, span: Span) -> Rotation {
        Rotation {
            session: found.session.id,
            from,
            to,
            epoch: found.user.epoch,
            tokens_until: span.expires,
            limits: self.parts().policy.sessions,
        }
    }

    fn answer(
        &self,
        attempt: &Attempt<'_>,
        user: &User,
        session: &Session,
        (span, successor): (Span, &RefreshToken),
    ) -> Issued {
        let Span { issued, expires } = span;
        let Attempt { audience, signing, .. } = attempt;
        let grant = Grant { user, epoch: user.epoch, session, signing, audience, issued, expires };
        let refresh_token = successor.to_text(&attempt.keys.server_key);
        Issued { refresh_token: Some(refresh_token), ..self.mint(&grant) }
    }
}

/// The session as the refresh has written it.
fn refreshed(found: &Refreshable, now: Timestamp) -> Session {
    let session = found.session.clone();
    Session { auth_time: session.auth_time.max(now), ..session }
}
