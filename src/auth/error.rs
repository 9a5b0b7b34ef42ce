//! Why a use case refused. A variant is something its caller can act on; causes are kept for the log and never travel.

use std::borrow::Cow;
use std::time::Duration;

use countersign_verify::Defect;

use super::KeysError;
use crate::crypto::HashError;
use crate::domain::Standing;
use crate::store::{ActError, StoreError};

/// A refusal of a use case.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The call needs credentials and brought none.
    #[error("credentials are missing")]
    CredentialsMissing,
    /// Unknown user, wrong password, disabled user, unreadable `authorization`: alike on purpose.
    #[error("credentials are not valid")]
    CredentialsInvalid,
    /// Basic, whatever is in it, where a token in the Bearer scheme is taken alone.
    #[error("this method takes a token in the Bearer scheme alone")]
    BearerNeeded,
    /// Malformed, forged, foreign or for another audience. Which check failed is for the log: it would help a forger.
    #[error("the token is not valid")]
    TokenInvalid(Defect),
    /// Not a refresh token that was made here.
    #[error("the refresh token is not valid")]
    RefreshTokenInvalid,
    /// A spent refresh token came again; its session has been ended.
    #[error("the refresh token was spent before: its session has been ended")]
    RefreshTokenReused,
    /// Good once, and its time is over.
    #[error("the token has expired")]
    TokenExpired,
    /// Its session, user or key was ended.
    #[error("the token has been revoked")]
    TokenRevoked,
    /// The caller is known and may not do this.
    #[error("the caller lacks the role for this")]
    RoleRequired,
    /// A field breaks a rule.
    #[error("{field} {rule}")]
    Field {
        /// The field's name in the protos.
        field: &'static str,
        /// The rule, as the end of a sentence that starts with the field's name.
        rule: Cow<'static, str>,
    },
    /// The name is another user's.
    #[error("the username is taken")]
    UsernameTaken,
    /// There is no such user.
    #[error("there is no such user")]
    UserNotFound,
    /// There is no such session, or it is over, or not the caller's.
    #[error("there is no such session")]
    SessionNotFound,
    /// Without this user nobody could do what admins do.
    #[error("the last admin cannot be deleted, disabled or demoted")]
    LastAdmin,
    /// The caller's permission ended before it was used. A use case that has a caller says it in that one's words.
    #[error("the permission ended before it was used")]
    PermissionEnded,
    /// The hash cannot be computed within the call's time.
    #[error("password hashing is busy")]
    HashingBusy {
        /// When it is worth coming back.
        retry_after: Duration,
    },
    /// A verifier has seen more of the trust log than there is here.
    #[error("this server knows less about revocations than the verifier has seen")]
    BehindVerifier,
    /// The trust log became another one while a verifier was being told it.
    #[error("the log of revocations has become another one; connect again")]
    TrustLogReplaced,
    /// A verifier said nothing for as long as it may.
    #[error("the verifier said nothing for too long")]
    VerifierSilent,
    /// There are as many verifiers as there may be.
    #[error("there are too many verifiers")]
    TooManyVerifiers {
        /// When it is worth coming back.
        retry_after: Duration,
    },
    /// The log of revocations could not be read for longer than tokens are let in without it.
    #[error("it is not known here any more which tokens have been revoked")]
    TrustStale,
    /// The database cannot be reached.
    #[error("the database cannot be reached")]
    StoreUnavailable(#[source] StoreError),
    /// Anything else.
    #[error("something unexpected happened")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Error {
    /// A field that breaks a rule.
    pub(crate) fn field(field: &'static str, rule: impl Into<Cow<'static, str>>) -> Self {
        Self::Field { field, rule: rule.into() }
    }
}

impl Standing {
    /// What is refused to the tokens of a session that is not live.
    pub(super) fn check(self) -> Result<(), Error> {
        match self {
            Self::Live => Ok(()),
            Self::Expired => Err(Error::TokenExpired),
            Self::Ended => Err(Error::TokenRevoked),
        }
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unreachable(_) | StoreError::Contended(_) => Self::StoreUnavailable(error),
            other => Self::Internal(Box::new(other)),
        }
    }
}

impl From<ActError> for Error {
    fn from(error: ActError) -> Self {
        match error {
            ActError::NotAllowedAnyMore => Self::PermissionEnded,
            // A password that was proven and replaced meanwhile, a code that was spent meanwhile: they prove nothing.
            ActError::Stale => Self::CredentialsInvalid,
            ActError::NameTaken => Self::UsernameTaken,
            ActError::UserNotFound => Self::UserNotFound,
            ActError::SessionNotFound => Self::SessionNotFound,
            ActError::LastAdmin => Self::LastAdmin,
            ActError::Store(error) => error.into(),
        }
    }
}

impl From<KeysError> for Error {
    fn from(error: KeysError) -> Self {
        match error {
            KeysError::Store(error) => error.into(),
            other => Self::Internal(Box::new(other)),
        }
    }
}

impl From<HashError> for Error {
    fn from(error: HashError) -> Self {
        match error {
            HashError::Busy { retry_after } => Self::HashingBusy { retry_after },
            other => Self::Internal(Box::new(other)),
        }
    }
}
