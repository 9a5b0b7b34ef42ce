//! Security events: what happened to an account that its owner or an admin may want to know. Owns what an event says;
//! how long it is kept is the store's.

use std::net::IpAddr;

use super::{EventId, SessionId, Timestamp, UserId};

/// An event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecurityEvent {
    /// The id.
    pub id: EventId,
    /// What happened.
    pub kind: EventKind,
    /// When, or when the first of several did.
    pub time: Timestamp,
    /// When the last of several did.
    pub last_time: Timestamp,
    /// How often.
    pub count: u64,
    /// To whom.
    pub user_id: Option<UserId>,
    /// Who did it, if somebody else.
    pub actor_id: Option<UserId>,
    /// To which session.
    pub session_id: Option<SessionId>,
    /// From where.
    pub peer: Option<IpAddr>,
    /// What else there is to say. Never a secret.
    pub detail: String,
}

impl SecurityEvent {
    /// The same, to this session.
    #[must_use]
    pub fn of_session(self, id: SessionId) -> Self {
        Self { session_id: Some(id), ..self }
    }

    /// The same, so many times.
    #[must_use]
    pub fn times(self, count: usize) -> Self {
        Self { count: u64::try_from(count).unwrap_or(u64::MAX), ..self }
    }

    /// The same, with more to say.
    #[must_use]
    pub fn with_detail(self, detail: String) -> Self {
        Self { detail, ..self }
    }
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $code:literal,)*) => {
        /// What can happen. The numbers are the database's.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum EventKind {
            $($(#[$doc])* $name,)*
        }

        impl EventKind {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The number that stands for it.
            #[must_use]
            pub const fn code(self) -> i16 {
                match self {
                    $(Self::$name => $code,)*
                }
            }

            /// What the number stands for.
            #[must_use]
            pub fn from_code(code: i16) -> Option<Self> {
                Self::ALL.iter().copied().find(|kind| kind.code() == code)
            }
        }
    };
}

kinds! {
    /// A name and a password that are not a user's, or a disabled one's.
    SignInFailed = 1,
    /// A spent refresh token was presented.
    RefreshTokenReused = 2,
    /// A session had to make room for a newer one.
    SessionEvicted = 3,
    /// All sessions were ended, or all but one.
    SessionsRevoked = 4,
    /// A session was ended by an admin.
    SessionRevoked = 5,
    /// A password was changed by its owner.
    PasswordChanged = 6,
    /// A password was set with a reset code.
    PasswordReset = 7,
    /// A reset code was made.
    ResetCodeCreated = 8,
    /// A user was made by an admin.
    UserCreated = 9,
    /// A user was disabled.
    UserDisabled = 10,
    /// A user was enabled.
    UserEnabled = 11,
    /// A user's roles were changed.
    RolesChanged = 12,
    /// A user was deleted.
    UserDeleted = 13,
    /// Signing keys were revoked.
    KeysRevoked = 14,
    /// The next signing key was told to take over.
    KeyRotated = 15,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_read_back_from_its_number() {
        for (index, kind) in EventKind::ALL.iter().enumerate() {
            assert_eq!(kind.code(), i16::try_from(index + 1).unwrap());
            assert_eq!(EventKind::from_code(kind.code()), Some(*kind));
        }
        assert_eq!(EventKind::from_code(0), None);
        assert_eq!(EventKind::from_code(16), None);
    }
}
