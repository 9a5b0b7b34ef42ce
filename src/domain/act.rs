//! Something that somebody does: who, from where, when. What a write on somebody's behalf checks once more and notes.

use super::{EventId, EventKind, Origin, SecurityEvent, SessionId, Timestamp, UserAt, UserId};

/// Who acts: a permission that was found earlier, and must still hold in the transaction that uses it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Actor {
    /// The user, and of which generation its proof is.
    pub at: UserAt,
    /// The session of its token, if it was a token.
    pub session: Option<SessionId>,
}

/// An act.
#[derive(Clone, Debug)]
pub struct Act {
    /// Who; `None` is nobody whose permission could end.
    pub actor: Option<Actor>,
    /// From where.
    pub origin: Origin,
    /// When.
    pub now: Timestamp,
    /// The id of the security event that it makes, if it makes one.
    pub event_id: EventId,
}

impl Act {
    /// The event that this happened to `user`. The actor is named if it is somebody else.
    #[must_use]
    pub fn event(&self, kind: EventKind, user: Option<UserId>) -> SecurityEvent {
        let actor = self.actor.map(|actor| actor.at.id).filter(|actor| Some(*actor) != user);
        SecurityEvent {
            id: self.event_id,
            kind,
            time: self.now,
            last_time: self.now,
            count: 1,
            user_id: user,
            actor_id: actor,
            session_id: None,
            peer: self.origin.address,
            detail: String::new(),
        }
    }
}
