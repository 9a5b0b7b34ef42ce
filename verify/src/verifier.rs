//! The decision on a token. Owns the order of the checks and the leeway of clocks; stands on `paseto`, `key` and
//! `claims` for each check, and knows nothing of sessions; what has been revoked since is `revocations`'.

use super::paseto::{self, FrameError};
use super::{Claims, ClaimsError, KeyId, KeySet};

/// How far the issuer's clock may be ahead of ours. It never prolongs a token: there is none on `exp`.
const LEEWAY_MILLIS: i64 = 5_000;

/// Who issues the tokens that are good here, and for whom they must be.
#[derive(Clone, Debug)]
pub struct Verifier {
    issuer: String,
    audience: String,
}

/// An issuer or audience is empty. It ends the start: a check against nothing would pass for a check.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
#[error("a verifier needs an issuer and an audience")]
pub struct UnsetError;

/// What a good token says, and the key that vouches for it. Only a [`Verifier`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verified {
    /// The claims.
    pub claims: Claims,
    /// The key under which the token is signed.
    pub key_id: KeyId,
}

/// Why a token is refused.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
pub enum TokenError {
    /// Good in every other way, but over: its holder may refresh.
    #[error("the token has expired")]
    Expired,
    /// Not a token for this place. The defect is for logs; a caller is told no more than this.
    #[error("the token is invalid: {0}")]
    Invalid(Defect),
}

/// The first check that a token failed. Holds nothing of the token itself.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
pub enum Defect {
    /// Longer than [`paseto::MAX_TOKEN_BYTES`].
    #[error("longer than 2048 bytes")]
    TooLarge,
    /// Not four parts between dots, or no room for a signature.
    #[error("not four parts between dots")]
    Shape,
    /// A part is not canonical base64url.
    #[error("not canonical base64url")]
    Base64,
    /// Another version or purpose of PASETO.
    #[error("not a v4.public token")]
    Header,
    /// The footer names no key of the set.
    #[error("signed with no key of ours")]
    UnknownKey,
    /// The signature is not that key's over this token.
    #[error("the signature does not hold")]
    Signature,
    /// The payload is not a complete set of claims.
    #[error("the claims are not complete")]
    Claims,
    /// Issued by somebody else.
    #[error("of another issuer")]
    Issuer,
    /// Issued for another service.
    #[error("for another audience")]
    Audience,
    /// `iat` or `nbf` lies more than 5 s ahead.
    #[error("not yet valid")]
    NotYetValid,
}

impl Verifier {
    /// A verifier of the tokens that `issuer` makes for `audience`.
    pub fn new(issuer: impl Into<String>, audience: impl Into<String>) -> Result<Self, UnsetError> {
        let (issuer, audience) = (issuer.into(), audience.into());
        if issuer.is_empty() || audience.is_empty() {
            return Err(UnsetError);
        }
        Ok(Self { issuer, audience })
    }

    /// Decides on a token at the moment `now_millis`, in milliseconds since the Unix epoch. Costs one signature check
    /// at most, and that only if the footer names a key of `keys`; the payload is parsed after it.
    pub fn verify(&self, keys: &KeySet, token: &str, now_millis: i64) -> Result<Verified, TokenError> {
        let verified = read(keys, token)?;
        self.check(&verified.claims, now_millis)?;
        Ok(verified)
    }

    /// What a token says that this issuer made, for whomever and whenever: expired or not, for another audience or not.
    /// It proves nothing about its holder's rights; it is for giving a token back.
    pub fn recognize(&self, keys: &KeySet, token: &str) -> Result<Verified, Defect> {
        let verified = read(keys, token)?;
        if verified.claims.issuer == self.issuer { Ok(verified) } else { Err(Defect::Issuer) }
    }

    /// Expiry comes last: who holds a token for another service shall not learn that it would have been good.
    fn check(&self, claims: &Claims, now_millis: i64) -> Result<(), TokenError> {
        if claims.issuer != self.issuer {
            return Err(Defect::Issuer.into());
        }
        if claims.audience != self.audience {
            return Err(Defect::Audience.into());
        }
        let starts_at = claims.issued_at.max(claims.not_before).saturating_mul(1000);
        if starts_at > now_millis.saturating_add(LEEWAY_MILLIS) {
            return Err(Defect::NotYetValid.into());
        }
        if claims.is_expired(now_millis) {
            return Err(TokenError::Expired);
        }
        Ok(())
    }
}

/// What a token says that a key of `keys` has signed.
fn read(keys: &KeySet, token: &str) -> Result<Verified, Defect> {
    let parts = paseto::split(token)?;
    let key = keys.find(parts.footer()).ok_or(Defect::UnknownKey)?;
    let signed = paseto::signing_input(parts.payload(), parts.footer());
    if !key.verifies(&signed, parts.signature()) {
        return Err(Defect::Signature);
    }
    let claims = Claims::parse(parts.payload())?;
    Ok(Verified { claims, key_id: key.id().clone() })
}

impl From<Defect> for TokenError {
    fn from(defect: Defect) -> Self {
        Self::Invalid(defect)
    }
}

impl From<FrameError> for Defect {
    fn from(error: FrameError) -> Self {
        match error {
            FrameError::TooLarge => Self::TooLarge,
            FrameError::Shape => Self::Shape,
            FrameError::Base64 => Self::Base64,
            FrameError::Header => Self::Header,
        }
    }
}

impl From<ClaimsError> for Defect {
    fn from(ClaimsError: ClaimsError) -> Self {
        Self::Claims
    }
}
