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
