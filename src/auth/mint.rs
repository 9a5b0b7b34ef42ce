//! Making tokens: what goes into an access token, and what its holder is told.

use std::time::Duration;

use countersign_verify::Claims;
use zeroize::Zeroizing;

use super::{Authority, Caller};
use crate::crypto::SigningKey;
use crate::domain::{Epoch, Session, SessionId, Timestamp, TokenId, User};

/// A token, and what its holder needs to know without reading it.
pub struct Issued {
    /// The access token.
    pub token: Zeroizing<String>,
    /// How long it lives from its issue on.
    pub lifetime: Duration,
    /// When it expires.
    pub expires: Timestamp,
    /// What carries the session on, if it came with one.
    pub refresh_token: Option<Zeroizing<String>>,
    /// The session that both belong to.
    pub session_id: SessionId,
}

/// What a new token is made of.
pub(super) struct Grant<'a> {
    pub(super) user: &'a User,
    /// The user's epoch that the deciding statement saw.
    pub(super) epoch: Epoch,
    pub(super) session: &'a Session,
    /// The key that signs it.
    pub(super) signing: &'a SigningKey,
    pub(super) audience: &'a str,
    pub(super) issued: Timestamp,
    pub(super) expires: Timestamp,
}

impl Authority {
    /// Signs the token. One for Countersign itself starts in the cache: its first use costs no signature check.
    pub(super) fn mint(&self, grant: &Grant<'_>) -> Issued {
        let parts = self.parts();
        let claims = self.claims(grant);
        let signer = &grant.signing.signer;
        let token = signer.sign(&claims);
        if grant.audience == parts.policy.audiences.own() {
            self.tokens().remember(&token, Caller::by_token(claims, signer.public_key().id().clone()));
        }
        Issued {
            token: Zeroizing::new(token),
            lifetime: grant.expires.since(grant.issued),
            expires: grant.expires,
            refresh_token: None,
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
            epoch: grant.epoch.number(),
            auth_time: session.auth_time.as_secs(),
            name: user.username.shown().to_owned(),
            roles: user.roles.iter().map(str::to_owned).collect(),
            amr: session.methods.names().iter().map(|&name| name.to_owned()).collect(),
        }
    }
}
