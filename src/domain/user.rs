//! A user: who can prove itself, and whether it may still.
//!
//! ```text
//!            disable
//! active ◀───────────▶ disabled
//!   │        enable        │
//!   └──────▶ deleted ◀─────┘   the id is never used again, the name not for 90 days
//! ```
//!
//! Whatever leads away from `active`, and each new password, raises the epoch and ends all sessions. A deleted user is
//! nobody: the store keeps its row so that the name rests, and never gives it out.

use super::{Roles, Timestamp, UserId, Username};

/// A user as the rules see it. Its password hash is not here: only the code that checks it sees it.
#[derive(Clone, Debug)]
pub struct User {
    /// The id, for ever.
    pub id: UserId,
    /// The name.
    pub username: Username,
    /// The roles.
    pub roles: Roles,
    /// Whether it may prove itself.
    pub state: UserState,
    /// The generation of its tokens.
    pub epoch: Epoch,
    /// How many of the raises of its epoch only saved room, and said nothing about its password.
    pub collapses: i64,
    /// When it was made.
    pub created: Timestamp,
}

impl User {
    /// The generation of its password's proofs.
    #[must_use]
    pub const fn proof(&self) -> ProofEpoch {
        ProofEpoch(self.epoch.0.saturating_sub(self.collapses))
    }
}

/// A user as it was when something was proven: what a permission that was found earlier is checked against when it is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UserAt {
    /// The user.
    pub id: UserId,
    /// Of which generation the proof is.
    pub proven: ProvenAt,
}

/// The generation of a proof, by what was presented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProvenAt {
    /// A token.
    Token(Epoch),
    /// A password.
    Password(ProofEpoch),
}

/// The generation of a password's proofs: the epoch without its raises that only saved room. Where many ended sessions are
/// replaced by one raise, tokens are refreshed; a password that is being hashed meanwhile is as good as before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ProofEpoch(i64);

impl ProofEpoch {
    /// The generation of this number.
    #[must_use]
    pub const fn from_number(number: i64) -> Self {
        Self(number)
    }

    /// The number.
    #[must_use]
    pub const fn number(self) -> i64 {
        self.0
    }

    /// The one after it.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

/// Whether a user may prove itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserState {
    /// It may.
    Active,
    /// It may not, and its tokens are refused.
    Disabled,
}

/// A user is already what it was to become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unchanged;

impl UserState {
    /// What disabling makes of it.
    pub fn disable(self) -> Result<Self, Unchanged> {
        match self {
            Self::Active => Ok(Self::Disabled),
            Self::Disabled => Err(Unchanged),
        }
    }

    /// What enabling makes of it.
    pub fn enable(self) -> Result<Self, Unchanged> {
        match self {
            Self::Disabled => Ok(Self::Active),
            Self::Active => Err(Unchanged),
        }
    }
}

/// The generation of a user's tokens. It is raised by whatever ends them all; a token of a lower one is revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Epoch(i64);

impl Epoch {
    /// What a new user starts with.
    pub const FIRST: Self = Self(1);

    /// The epoch of this number, from a verified token or the database.
    #[must_use]
    pub const fn from_number(number: i64) -> Self {
        Self(number)
    }

    /// The number.
    #[must_use]
    pub const fn number(self) -> i64 {
        self.0
    }
}
