//! Security events.

use std::fmt::Display;

use super::time::timestamp;
use crate::domain::{EventKind, SecurityEvent};
use crate::pb::auth::v1 as pb;

pub(in crate::grpc) fn event(event: &SecurityEvent) -> pb::SecurityEvent {
    pb::SecurityEvent {
        event_id: event.id.to_string(),
        kind: kind(event.kind).into(),
        time: Some(timestamp(event.time)),
        last_time: Some(timestamp(event.last_time)),
        count: i64::try_from(event.count).unwrap_or(i64::MAX),
        user_id: text(event.user_id),
        actor_id: text(event.actor_id),
        session_id: text(event.session_id),
        peer: text(event.peer),
        detail: event.detail.clone(),
    }
}

fn text(value: Option<impl Display>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

fn kind(kind: EventKind) -> pb::SecurityEventKind {
    use pb::SecurityEventKind as Kind;
    match kind {
        EventKind::SignInFailed => Kind::SignInFailed,
        EventKind::RefreshTokenReused => Kind::RefreshTokenReused,
        EventKind::SessionEvicted => Kind::SessionEvicted,
        EventKind::SessionsRevoked => Kind::SessionsRevoked,
        EventKind::SessionRevoked => Kind::SessionRevoked,
        EventKind::PasswordChanged => Kind::PasswordChanged,
        EventKind::PasswordReset => Kind::PasswordReset,
        EventKind::ResetCodeCreated => Kind::ResetCodeCreated,
        EventKind::UserCreated => Kind::UserCreated,
        EventKind::UserDisabled => Kind::UserDisabled,
        EventKind::UserEnabled => Kind::UserEnabled,
        EventKind::RolesChanged => Kind::RolesChanged,
        EventKind::UserDeleted => Kind::UserDeleted,
        EventKind::KeysRevoked => Kind::KeysRevoked,
        EventKind::KeyRotated => Kind::KeyRotated,
    }
}
