//! A session: opened by a password, owner of all tokens issued from it.
//!
//! ```text
//!           open                    absolute limit
//! password ──────▶ live ───────────────────────────▶ expired
//!                   │                                   ▲
//!                   │ ended (logout, theft, …)          │ nothing leads back
//!                   └─────────────▶ ended ──────────────┘
//! ```

use std::fmt;

use super::{SessionId, Timestamp, UserId};

/// A session as the database holds it.
#[derive(Clone, Debug)]
pub struct Session {
    /// The id.
    pub id: SessionId,
    /// Whose it is.
    pub user_id: UserId,
    /// How its owner proved who it is.
    pub methods: AuthMethods,
    /// When its owner last did.
    pub auth_time: Timestamp,
    /// When it was opened.
    pub created: Timestamp,
    /// When a token was last issued from it.
    pub used: Timestamp,
    /// The absolute limit; it never moves.
    pub expires: Timestamp,
    /// When it was ended before its time.
    pub ended: Option<Timestamp>,
}

/// What may be done with a session now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Tokens may be issued from it.
    Live,
    /// Its time is over.
    Expired,
    /// It was ended before its time.
    Ended,
}

/// How a user proved who it is: the claim `amr`, with the names of RFC 8176.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthMethods {
    /// With a password: `pwd`.
    Password,
}

impl Session {
    /// Decided at each read, never by a background task: the janitor only frees space.
    #[must_use]
    pub fn standing(&self, now: Timestamp) -> Standing {
        match self.ended {
            Some(_) => Standing::Ended,
            None if now >= self.expires => Standing::Expired,
            None => Standing::Live,
        }
    }
}

impl AuthMethods {
    /// Reads what [`fmt::Display`] writes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        (text == "pwd").then_some(Self::Password)
    }

    /// The names of RFC 8176.
    #[must_use]
    pub const fn names(self) -> &'static [&'static str] {
        match self {
            Self::Password => &["pwd"],
        }
    }
}

impl fmt::Display for AuthMethods {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.names().join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_expires_at_its_limit_and_not_before() {
        let at = Timestamp::from_millis;
        let session = Session {
            id: SessionId::from_uuid(uuid::Uuid::nil()),
            user_id: UserId::from_uuid(uuid::Uuid::nil()),
            methods: AuthMethods::Password,
            auth_time: at(0),
            created: at(0),
            used: at(0),
            expires: at(1000),
            ended: None,
        };
        assert_eq!(session.standing(at(999)), Standing::Live);
        assert_eq!(session.standing(at(1000)), Standing::Expired);
        assert_eq!(Session { ended: Some(at(5)), ..session }.standing(at(10)), Standing::Ended);
    }
}
