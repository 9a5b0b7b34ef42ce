//! From the messages of a stream to what they mean, and back. What cannot be understood is refused whole: a revocation of
//! a kind that this version does not know must not be skipped.

use std::time::Duration;

use countersign_verify::{
    Incarnation, KeyId, PublicKey, Revocation, Revoked, TrustFrame, TrustPosition, TrustedKey,
};
use uuid::Uuid;

use crate::pb::{self, revocation, watch_trust_response as response};

/// A message that is not what the protocol says.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
#[error("the server sent a frame that cannot be read: {0}")]
pub(super) struct Malformed(&'static str);

/// What a message means; `None` if it is a kind of frame that this version does not know, and that is to be skipped.
pub(super) fn frame(message: pb::WatchTrustResponse) -> Result<Option<TrustFrame>, Malformed> {
    let Some(frame) = message.frame else { return Ok(None) };
    Ok(Some(match frame {
        response::Frame::KeySet(frame) => {
            TrustFrame::KeySet(frame.keys.iter().map(trusted_key).collect::<Result<_, _>>()?)
        }
        response::Frame::Snapshot(frame) => TrustFrame::Snapshot {
            revocations: revocations(&frame.revocations)?,
            complete: if frame.last { Some(position(frame.position)?) } else { None },
        },
        response::Frame::Revocations(frame) => TrustFrame::Revocations {
            revocations: revocations(&frame.revocations)?,
            sequence: frame.sequence,
        },
        response::Frame::Heartbeat(frame) => TrustFrame::Heartbeat {
            position: position(frame.position)?,
            age: duration(frame.age)?,
            nonce: frame.nonce,
        },
    }))
}

/// The server's clock, in milliseconds since the Unix epoch, if the message is a heartbeat.
pub(super) fn server_millis(message: &pb::WatchTrustResponse) -> Option<i64> {
    match &message.frame {
        Some(response::Frame::Heartbeat(frame)) => frame.server_time.and_then(millis),
        _ => None,
    }
}

/// A position as it is sent.
pub(super) fn position_message(position: TrustPosition) -> pb::TrustPosition {
    pb::TrustPosition { incarnation: position.incarnation.0.to_vec(), sequence: position.sequence }
}

fn trusted_key(message: &pb::VerificationKey) -> Result<TrustedKey, Malformed> {
    let key = PublicKey::from_paserk(&message.key).map_err(|_| Malformed("a key"))?;
    if key.id().as_str() != message.key_id {
        return Err(Malformed("a key's id"));
    }
    let verify_until = match message.verify_until {
        Some(time) => Some(millis(time).ok_or(Malformed("a key's time"))?),
        None => None,
    };
    Ok(TrustedKey { key, verify_until })
}

fn position(message: Option<pb::TrustPosition>) -> Result<TrustPosition, Malformed> {
    let message = message.ok_or(Malformed("a position"))?;
    let incarnation = message.incarnation.try_into().map_err(|_| Malformed("an incarnation"))?;
    if message.sequence < 0 {
        return Err(Malformed("a sequence"));
    }
    Ok(TrustPosition { incarnation: Incarnation(incarnation), sequence: message.sequence })
}

fn revocations(messages: &[pb::Revocation]) -> Result<Vec<Revocation>, Malformed> {
    messages.iter().map(revocation).collect()
}

fn revocation(message: &pb::Revocation) -> Result<Revocation, Malformed> {
    let revoked = match message.revoked.as_ref().ok_or(Malformed("a revocation"))? {
        revocation::Revoked::User(user) => {
            Revoked::User { user_id: id(&user.user_id)?, below_epoch: user.below_epoch }
        }
        revocation::Revoked::Session(session) => {
            Revoked::Session { user_id: id(&session.user_id)?, session_id: id(&session.session_id)? }
        }
        revocation::Revoked::KeyId(id) => {
            Revoked::Key(KeyId::parse(id).map_err(|_| Malformed("a revoked key"))?)
        }
    };
    let forget_at = message.forget_time.and_then(millis).ok_or(Malformed("a revocation's time"))?;
    Ok(Revocation { sequence: message.sequence, revoked, forget_at })
}

fn id(text: &str) -> Result<Uuid, Malformed> {
    Uuid::parse_str(text).map_err(|_| Malformed("an id"))
}

/// Rounded up: nothing is forgotten early.
fn millis(time: prost_types::Timestamp) -> Option<i64> {
    let fraction = i64::from(u32::try_from(time.nanos).ok()?.div_ceil(1_000_000));
    time.seconds.checked_mul(1000)?.checked_add(fraction)
}

fn duration(message: Option<prost_types::Duration>) -> Result<Duration, Malformed> {
    message.and_then(|message| Duration::try_from(message).ok()).ok_or(Malformed("an age"))
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::SigningKey;

    use super::*;

    fn position_of(incarnation: usize, sequence: i64) -> Option<pb::TrustPosition> {
        Some(pb::TrustPosition { incarnation: vec![1; incarnation], sequence })
    }

    fn time(seconds: i64, nanos: i32) -> Option<prost_types::Timestamp> {
        Some(prost_types::Timestamp { seconds, nanos })
    }

    fn of(frame: response::Frame) -> Result<Option<TrustFrame>, Malformed> {
        super::frame(pb::WatchTrustResponse { frame: Some(frame) })
    }

    fn with_revocation(change: impl FnOnce(&mut pb::Revocation)) -> Result<Option<TrustFrame>, Malformed> {
        let user = pb::RevokedUser { user_id: Uuid::nil().to_string(), below_epoch: 2 };
        let revoked = Some(revocation::Revoked::User(user));
        let mut revocation = pb::Revocation { sequence: 1, revoked, forget_time: time(100, 1) };
        change(&mut revocation);
        of(response::Frame::Revocations(pb::RevocationsFrame { sequence: 1, revocations: vec![revocation] }))
    }

    fn with_key(change: impl FnOnce(&mut pb::VerificationKey)) -> Result<Option<TrustFrame>, Malformed> {
        let key = PublicKey::from_bytes(SigningKey::from_bytes(&[1; 32]).verifying_key().as_bytes()).unwrap();
        let mut message = pb::VerificationKey {
            key: key.to_paserk(),
            key_id: key.id().to_string(),
            verify_until: time(100, 0),
            ..Default::default()
        };
        change(&mut message);
        of(response::Frame::KeySet(pb::KeySetFrame { keys: vec![message] }))
    }

    fn with_heartbeat(change: impl FnOnce(&mut pb::HeartbeatFrame)) -> Result<Option<TrustFrame>, Malformed> {
        let age = Some(prost_types::Duration { seconds: 1, nanos: 0 });
        let mut heartbeat =
            pb::HeartbeatFrame { position: position_of(16, 0), age, nonce: 1, server_time: None };
        change(&mut heartbeat);
        of(response::Frame::Heartbeat(heartbeat))
    }

    #[test]
    fn a_kind_of_frame_that_is_not_known_is_skipped() {
        assert_eq!(frame(pb::WatchTrustResponse { frame: None }), Ok(None));
    }

    #[test]
    fn nothing_is_forgotten_early() {
        let Ok(Some(TrustFrame::Revocations { revocations, .. })) = with_revocation(|_| {}) else { panic!() };
        assert_eq!(revocations[0].forget_at, 100_001);
    }

    #[test]
    fn what_cannot_be_understood_is_refused_and_never_skipped() {
        with_revocation(|_| {}).unwrap();
        with_key(|_| {}).unwrap();
        with_heartbeat(|_| {}).unwrap();
        let session = pb::RevokedSession { session_id: "x".into(), user_id: Uuid::nil().to_string() };
        for (refused, what) in [
            (with_revocation(|it| it.revoked = None), "a revocation"),
            (with_revocation(|it| it.forget_time = None), "a revocation's time"),
            (with_revocation(|it| it.revoked = Some(revocation::Revoked::Session(session))), "an id"),
            (
                with_revocation(|it| it.revoked = Some(revocation::Revoked::KeyId("x".into()))),
                "a revoked key",
            ),
            (with_key(|it| it.key.push('x')), "a key"),
            (with_key(|it| it.key_id.push('x')), "a key's id"),
            (with_key(|it| it.verify_until = time(i64::MAX, 0)), "a key's time"),
            (with_heartbeat(|it| it.position = None), "a position"),
            (with_heartbeat(|it| it.position = position_of(15, 0)), "an incarnation"),
            (with_heartbeat(|it| it.position = position_of(16, -1)), "a sequence"),
            (with_heartbeat(|it| it.age = None), "an age"),
            (with_heartbeat(|it| it.age = Some(prost_types::Duration { seconds: -1, nanos: 0 })), "an age"),
        ] {
            assert_eq!(refused, Err(Malformed(what)));
        }
        let snapshot = pb::SnapshotFrame { position: None, revocations: Vec::new(), last: true };
        assert_eq!(of(response::Frame::Snapshot(snapshot)), Err(Malformed("a position")));
    }
}
