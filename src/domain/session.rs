//! A session: opened by a password, owner of all tokens issued from it.
//!
//! ```text
//!           open          absolute limit, or not used for the idle limit
//! password ──────▶ live ───────────────────────────────────────────────▶ expired
//!                   │                                                       ▲
//!                   │ ended (sign-out, theft, new password, …)              │ nothing leads back
//!                   └───────────────────▶ ended ────────────────────────────┘
//! ```
//!
//! Which refresh token it accepts next is `refresh_chain`'s.

use std::fmt;
use std::time::Duration;

use super::{Origin, SessionId, Timestamp, UserId};

/// A session as the database holds it.
#[derive(Clone, Debug)]
pub struct Session {
    /// The id.
    pub id: SessionId,
    /// Whose it is.
    pub user_id: UserId,
    /// How its owner proved who it is.
    pub methods: AuthMethods,
    /// The last password or refresh.
    pub auth_time: Timestamp,
    /// When it was opened.
    pub created: Timestamp,
    /// When a token was last issued from it.
    pub used: Timestamp,
    /// The absolute limit; it never moves.
    pub expires: Timestamp,
    /// No access token of it lives longer than this: how long its end must be remembered.
    pub tokens_until: Timestamp,
    /// When it was ended before its time.
    pub ended: Option<Timestamp>,
    /// From where it was opened or last refreshed.
    pub origin: Origin,
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

/// How long sessions last, and how many a user may have.
#[derive(Clone, Copy, Debug)]
pub struct SessionLimits {
    /// How long after its last use a session ends.
    pub idle: Duration,
    /// How long after its opening a session ends, however much it is used.
    pub absolute: Duration,
    /// How many live sessions with refresh tokens a user may have; `None` is no limit. Beside them there is room for
    /// [`Self::room_without_refresh`] others.
    pub per_user: Option<u32>,
}

/// How a user proved who it is: the claim `amr`, with the names of RFC 8176.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthMethods {
    /// With a password: `pwd`.
    Password,
}

impl Session {
    /// Decided at each read, never by a background task: the janitor only frees space. The absolute limit comes first, so
    /// that the answer does not depend on whether the row is still there: its age tells it too.
    #[must_use]
    pub fn standing(&self, now: Timestamp, limits: &SessionLimits) -> Standing {
        match self.ended {
            _ if now >= self.end(limits) => Standing::Expired,
            Some(_) => Standing::Ended,
            None if now >= self.expires_at(limits) => Standing::Expired,
            None => Standing::Live,
        }
    }

    /// The standing of a session whose row has been purged, by its id's age: what was left behind was over.
    #[must_use]
    pub fn standing_of_purged(id: SessionId, now: Timestamp, limits: &SessionLimits) -> Standing {
        if now >= id.created().plus(limits.absolute) { Standing::Expired } else { Standing::Ended }
    }

    /// When it ends if it is not used again.
    #[must_use]
    pub fn expires_at(&self, limits: &SessionLimits) -> Timestamp {
        self.end(limits).min(self.used.plus(limits.idle))
    }

    /// The absolute limit: the one that it was opened with, or a shorter one of today.
    fn end(&self, limits: &SessionLimits) -> Timestamp {
        self.expires.min(self.created.plus(limits.absolute))
    }
}

impl SessionLimits {
    /// How old a session's noted use may be before another one is noted, so that exchanging tokens does not cost a commit
    /// each: a minute, and a hundredth of the time after which an unused session ends.
    #[must_use]
    pub fn use_granularity(&self) -> Duration {
        (self.idle / 100).min(Duration::from_secs(60))
    }

    /// How many live sessions without refresh tokens a user may have, beside the others: a quarter of what those have, and
    /// one at least; `None` is no limit. They have room of their own because a page of somebody else may be able to have
    /// a browser open them by a password that it remembers, and must end no other session with that.
    #[must_use]
    pub fn room_without_refresh(&self) -> Option<u32> {
        self.per_user.map(|most| (most / 4).max(1))
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
    fn a_session_ends_at_the_nearer_of_its_limits_and_not_before() {
        let at = Timestamp::from_millis;
        let limits = |idle| SessionLimits {
            idle: Duration::from_millis(idle),
            absolute: Duration::from_millis(1000),
            per_user: None,
        };
        let session = Session {
            id: SessionId::from_uuid(uuid::Uuid::nil()),
            user_id: UserId::from_uuid(uuid::Uuid::nil()),
            methods: AuthMethods::Password,
            auth_time: at(0),
            created: at(0),
            used: at(200),
            expires: at(1000),
            tokens_until: at(1000),
            ended: None,
            origin: Origin::unknown(),
        };
        assert_eq!(session.standing(at(999), &limits(5000)), Standing::Live);
        assert_eq!(session.standing(at(1000), &limits(5000)), Standing::Expired);
        assert_eq!(session.standing(at(499), &limits(300)), Standing::Live);
        assert_eq!(session.standing(at(500), &limits(300)), Standing::Expired);
        // A limit that was shortened since holds, one that was lengthened does not.
        let absolute = |millis| SessionLimits { absolute: Duration::from_millis(millis), ..limits(5000) };
        assert_eq!(session.standing(at(600), &absolute(600)), Standing::Expired);
        assert_eq!(session.standing(at(599), &absolute(600)), Standing::Live);
        assert_eq!(session.standing(at(1000), &absolute(6000)), Standing::Expired);
        assert_eq!(limits(1000).use_granularity(), Duration::from_millis(10));
        assert_eq!(
            SessionLimits { idle: Duration::from_secs(7 * 86_400), ..limits(1) }.use_granularity().as_secs(),
            60
        );
        let room = |most| SessionLimits { per_user: most, ..limits(1) }.room_without_refresh();
        let most = [None, Some(1), Some(2), Some(7), Some(8), Some(64)];
        assert_eq!(most.map(room), [None, Some(1), Some(1), Some(1), Some(2), Some(16)]);
        let ended = Session { ended: Some(at(5)), ..session };
        assert_eq!(ended.standing(at(10), &limits(300)), Standing::Ended);
        assert_eq!(ended.standing(at(999), &limits(300)), Standing::Ended);
        assert_eq!(ended.standing(at(1000), &limits(300)), Standing::Expired);
    }
}
