//! Why a token or a call is not accepted: the reasons of `auth.v1.ErrorReason`, in the server's own words.

use std::time::Duration;

use countersign_verify::{Defect, TokenError};

/// A refusal.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// The call needs credentials and brought none.
    #[error("credentials are missing: send an access token as Bearer in authorization")]
    CredentialsMissing,
    /// An `authorization` that cannot be read, or a password, which cannot be checked here.
    #[error("credentials are not valid: this service takes access tokens, and no passwords")]
    CredentialsInvalid,
    /// Malformed, forged, foreign or for another audience. Which check failed is for the log: it would help a forger.
    #[error("the token is not valid")]
    TokenInvalid(Defect),
    /// Good, and not of the user whose stream it was to carry on.
    #[error("the token is another user's")]
    OtherUser,
    /// Good once, and its time is over: its holder may refresh.
    #[error("the token has expired")]
    TokenExpired,
    /// Its session, user or key was ended.
    #[error("the token has been revoked")]
    TokenRevoked,
    /// The caller is known and may not do this.
    #[error("the caller lacks the role for this")]
    RoleRequired,
    /// No rule says who may call this, so nobody may.
    #[error("there is no such method")]
    MethodUnknown,
    /// What is known about revocations is too old to decide by.
    #[error("what is known about revocations is too old to decide by")]
    TrustStale {
        /// How old it is; `None` if nothing has ever been known.
        staleness: Option<Duration>,
    },
}

impl From<TokenError> for Refusal {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::Expired => Self::TokenExpired,
            TokenError::Invalid(defect) => Self::TokenInvalid(defect),
        }
    }
}
