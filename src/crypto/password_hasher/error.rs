//! Why the hasher has no hash: what its callers can act on, and nothing about passwords or rows.

use std::fmt;
use std::time::Duration;

use crate::crypto::hash_pool::PoolError;

/// Why the hasher does not start.
#[derive(Debug, thiserror::Error)]
pub enum HasherError {
    /// Argon2 or this service does not compute at such costs.
    #[error("the Argon2 costs are out of bounds: {0}")]
    Costs(&'static str),
    /// The budget does not hold one hash.
    #[error("the hash memory of {budget_kib} KiB does not hold one hash of {needed_kib} KiB")]
    Budget {
        /// What was given.
        budget_kib: usize,
        /// What one hash takes.
        needed_kib: usize,
    },
    /// The system gave no thread or no memory.
    #[error("the hashing threads do not start")]
    System(#[from] std::io::Error),
}

/// Why there is no answer about a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HashError {
    /// It could not be computed in time. There may be room after `retry_after`.
    #[error("the hashing queue cannot meet the deadline")]
    Busy {
        /// When to ask again.
        retry_after: Duration,
    },
    /// The stored row is damaged or asks for absurd costs. It took as long as a wrong password, and the log says why.
    #[error("the stored password cannot be used")]
    Unusable,
    /// The computation itself failed; the log says more.
    #[error("the hash could not be computed")]
    Failed,
}

/// Why a new password is not hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NewPasswordError {
    /// It is on the list of common passwords (`PasswordRule::Common`).
    #[error("is on the list of common passwords")]
    Common,
    /// There is no hash.
    #[error(transparent)]
    Hash(#[from] HashError),
}

impl From<PoolError> for HashError {
    fn from(error: PoolError) -> Self {
        match error {
            PoolError::Busy { retry_after } => Self::Busy { retry_after },
            // Rows are bounded by the budget when they are read.
            PoolError::TooLarge | PoolError::Failed => Self::Failed,
        }
    }
}

/// Of what cannot happen with bounded costs; the message names a limit, never an input.
pub(super) fn failed(error: impl fmt::Display) -> HashError {
    tracing::error!(%error, "a password could not be hashed");
    HashError::Failed
}
