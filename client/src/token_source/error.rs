//! Why there is no token.

use std::io;
use std::sync::Arc;

use tonic::{Code, Status};

use crate::EndpointError;

/// Why there is no token now. Converts into the [`Status`] that a call would have ended with.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// The server refused, and would again: the password is wrong, the user disabled, or the session is over and no
    /// password is configured. The server's status, with its reason in `google.rpc.ErrorInfo`.
    #[error("the server refused: {}", .0.message())]
    Refused(Status),
    /// The server cannot be reached or cannot answer now. The last status; attempts go on.
    #[error("the server does not answer: {}", .0.message())]
    Unavailable(Status),
    /// The session cannot be saved, so it is not carried on: whoever starts from what is saved must be able to. Attempts
    /// go on.
    #[error("the session cannot be saved: {0}")]
    Store(Arc<io::Error>),
    /// Its user has signed out.
    #[error("signed out")]
    SignedOut,
    /// The runtime that the source was started on has ended.
    #[error("the runtime of the token source has ended")]
    Stopped,
}

/// Why a source cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The server's address or its certificates.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// There is neither a password nor a session to go on with.
    #[error("a token source needs a password, or a session to go on with")]
    CredentialsMissing,
    /// A lifetime of zero, which the server would refuse.
    #[error("tokens need a lifetime of more than zero")]
    LifetimeZero,
    /// What was saved cannot be read.
    #[error("the saved session cannot be read: {0}")]
    Store(#[source] io::Error),
}

impl From<TokenError> for Status {
    /// What the server said keeps its code and details; everything else is UNAVAILABLE, but for a sign-out.
    fn from(error: TokenError) -> Self {
        let message = error.to_string();
        match error {
            TokenError::Refused(status) | TokenError::Unavailable(status) => status,
            TokenError::SignedOut => Self::new(Code::Unauthenticated, message),
            TokenError::Store(_) | TokenError::Stopped => Self::new(Code::Unavailable, message),
        }
    }
}
