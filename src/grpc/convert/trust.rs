//! The trust log and those who watch it.

use std::ops::RangeInclusive;
use std::time::Duration;

use countersign_verify::{Revocation, Revoked};

use super::key::verification_keys;
use super::time::{duration, span, timestamp};
use crate::auth::{
    Error, PendingVerifiers, ShownVerifier, ShownVerifiers, TrustFrame, VerifierHello, VerifierReport,
    VerifierWait,
};
use crate::domain::{Timestamp, TrustPosition};
use crate::pb::auth::v1 as pb;
use crate::pb::auth::v1::revocation::Revoked as PbRevoked;
use crate::pb::auth::v1::watch_trust_request::Message;
use crate::pb::auth::v1::watch_trust_response::Frame;

/// For whom names no other.
const DEFAULT_MAX_STALENESS: Duration = Duration::from_secs(30);
/// From a heartbeat's interval to what nobody would call prompt any more.
const MAX_STALENESS: RangeInclusive<Duration> = Duration::from_secs(2)..=Duration::from_secs(600);
/// The longest name of a verifier, in characters.
const LONGEST_INSTANCE: usize = 64;

/// The first message of a stream.
pub(in crate::grpc) fn hello(request: pb::WatchTrustRequest) -> Result<VerifierHello, Error> {
    let Some(Message::Hello(hello)) = request.message else {
        return Err(Error::field("hello", "must be the first message"));
    };
    let length = hello.instance.chars().count();
    if length == 0 || length > LONGEST_INSTANCE || hello.instance.chars().any(char::is_control) {
        return Err(Error::field("hello.instance", "must be 1 to 64 printable characters"));
    }
    let run_id = match hello.run_id.len() {
        0 => None,
        _ => Some(sixteen("hello.run_id", &hello.run_id)?),
    };
    let max_staleness = match hello.max_staleness {
        Some(given) => span("hello.max_staleness", given)?,
        None => DEFAULT_MAX_STALENESS,
    };
    if !MAX_STALENESS.contains(&max_staleness) {
        return Err(Error::field("hello.max_staleness", "must be from 2 s to 10 min"));
    }
    let resume = hello.resume.map(|resume| position("hello.resume", &resume)).transpose()?;
    let pb::VerifierHello { instance, nonce, accepts_signed, .. } = hello;
    Ok(VerifierHello { instance, run_id, max_staleness, accepts_signed, resume, nonce })
}

/// Any later message.
pub(in crate::grpc) fn report(request: pb::WatchTrustRequest) -> Result<VerifierReport, Error> {
    match request.message {
        Some(Message::Report(report)) => {
            let applied = report.applied.map(|applied| position("report.applied", &applied)).transpose()?;
            Ok(VerifierReport { applied, nonce: report.nonce })
        }
        Some(Message::Hello(_)) => Err(Error::field("hello", "must be the first message alone")),
        None => Err(Error::field("report", "is missing")),
    }
}

pub(in crate::grpc) fn frame(frame: TrustFrame) -> pb::WatchTrustResponse {
    let frame = match frame {
        TrustFrame::KeySet(keys) => Frame::KeySet(pb::KeySetFrame { keys: verification_keys(&keys) }),
        TrustFrame::Snapshot { revocations, complete } => Frame::Snapshot(pb::SnapshotFrame {
            revocations: revocations.iter().map(revocation).collect(),
            position: complete.map(trust_position),
            last: complete.is_some(),
        }),
        TrustFrame::Revocations { revocations, sequence } => Frame::Revocations(pb::RevocationsFrame {
            sequence,
            revocations: revocations.iter().map(revocation).collect(),
        }),
        TrustFrame::Heartbeat { position, age, nonce, now } => Frame::Heartbeat(pb::HeartbeatFrame {
            position: Some(trust_position(position)),
            age: Some(duration(age)),
            nonce,
            server_time: Some(timestamp(now)),
        }),
    };
    pb::WatchTrustResponse { frame: Some(frame) }
}

/// How long to wait for verifiers.
pub(in crate::grpc) fn verifier_wait(wanted: Option<prost_types::Duration>) -> Result<VerifierWait, Error> {
    if wanted.is_some_and(|wanted| wanted.seconds < 0 || wanted.nanos < 0) {
        return Err(Error::field("wait_for_verifiers", "must not be negative"));
    }
    VerifierWait::parse(wanted.map(|wanted| span("wait_for_verifiers", wanted)).transpose()?)
}

/// How many verifiers are pending, and who they are.
pub(in crate::grpc) fn pending(pending: PendingVerifiers) -> (i32, Vec<String>) {
    (i32::try_from(pending.count).unwrap_or(i32::MAX), pending.names)
}

pub(in crate::grpc) fn verifiers(shown: &ShownVerifiers) -> pb::ListVerifiersResponse {
    let ShownVerifiers { verifiers, position, now } = shown;
    pb::ListVerifiersResponse {
        verifiers: verifiers.iter().map(|shown| verifier(shown, *position, *now)).collect(),
        position: Some(trust_position(*position)),
    }
}

fn verifier(shown: &ShownVerifier, position: TrustPosition, now: Timestamp) -> pb::Verifier {
    // Of another incarnation it has applied nothing that counts.
    let applied = shown.applied.filter(|applied| applied.incarnation == position.incarnation);
    pb::Verifier {
        instance: shown.instance.clone(),
        user_id: shown.user_id.to_string(),
        peer: shown.address.map(|address| address.to_string()).unwrap_or_default(),
        connected: shown.connected,
        connect_time: Some(timestamp(shown.connected_at)),
        applied: shown.applied.map(trust_position),
        behind: position.sequence - applied.map_or(0, |applied| applied.sequence),
        silence: Some(duration(shown.silence)),
        max_staleness: Some(duration(shown.max_staleness)),
        accepts_signed: shown.accepts_signed,
        lease_expire_time: Some(timestamp(now.plus(shown.rest))),
    }
}

fn revocation(revocation: &Revocation) -> pb::Revocation {
    let revoked = match &revocation.revoked {
        Revoked::User { user_id, below_epoch } => {
            PbRevoked::User(pb::RevokedUser { user_id: user_id.to_string(), below_epoch: *below_epoch })
        }
        Revoked::Session { user_id, session_id } => PbRevoked::Session(pb::RevokedSession {
            session_id: session_id.to_string(),
            user_id: user_id.to_string(),
        }),
        Revoked::Key(key_id) => PbRevoked::KeyId(key_id.to_string()),
    };
    pb::Revocation {
        sequence: revocation.sequence,
        revoked: Some(revoked),
        forget_time: Some(timestamp(Timestamp::from_millis(revocation.forget_at))),
    }
}

fn trust_position(position: TrustPosition) -> pb::TrustPosition {
    pb::TrustPosition { incarnation: position.incarnation.to_vec(), sequence: position.sequence }
}

fn position(field: &'static str, position: &pb::TrustPosition) -> Result<TrustPosition, Error> {
    if position.sequence < 0 {
        return Err(Error::field(field, "must have a sequence of 0 or more"));
    }
    Ok(TrustPosition { incarnation: sixteen(field, &position.incarnation)?, sequence: position.sequence })
}

fn sixteen(field: &'static str, bytes: &[u8]) -> Result<[u8; 16], Error> {
    bytes.try_into().map_err(|_| Error::field(field, "must have 16 bytes where it has any"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hello_with(change: impl FnOnce(&mut pb::VerifierHello)) -> Result<VerifierHello, String> {
        let mut message = pb::VerifierHello { instance: "orders-1".to_owned(), ..Default::default() };
        change(&mut message);
        let request = pb::WatchTrustRequest { message: Some(Message::Hello(message)) };
        hello(request).map_err(|error| error.to_string())
    }

    fn staleness(seconds: i64, nanos: i32) -> Result<VerifierHello, String> {
        hello_with(|hello| hello.max_staleness = Some(prost_types::Duration { seconds, nanos }))
    }

    #[test]
    fn a_hello_says_who_watches_and_for_how_long_it_trusts_what_it_knows() {
        let hello = hello_with(|_| {}).unwrap();
        assert_eq!((hello.max_staleness.as_secs(), hello.run_id, hello.resume), (30, None, None));
        assert_eq!(staleness(2, 0).unwrap().max_staleness.as_secs(), 2);
        assert_eq!(staleness(600, 0).unwrap().max_staleness.as_secs(), 600);
    }

    #[test]
    fn what_a_hello_may_not_say_is_named() {
        for (name, refused) in [
            ("instance", hello_with(|hello| hello.instance.clear())),
            ("instance", hello_with(|hello| hello.instance = "x".repeat(65))),
            ("instance", hello_with(|hello| hello.instance = "a\nb".to_owned())),
            ("run_id", hello_with(|hello| hello.run_id = vec![1; 15])),
            ("max_staleness", staleness(1, 999_999_999)),
            ("max_staleness", staleness(600, 1)),
            ("max_staleness", staleness(-5, 0)),
            ("max_staleness", staleness(5, -5)),
            ("resume", hello_with(|hello| hello.resume = Some(pb::TrustPosition::default()))),
            (
                "resume",
                hello_with(|hello| {
                    hello.resume = Some(pb::TrustPosition { incarnation: vec![1; 16], sequence: -1 });
                }),
            ),
        ] {
            let refusal = refused.unwrap_err();
            assert!(
                refusal.starts_with(&format!("hello.{name} must")) || refusal.contains("is not a valid"),
                "{refusal}"
            );
            assert!(refusal.contains(name), "{refusal}");
        }
        assert!(hello(pb::WatchTrustRequest { message: None }).is_err());
    }
}
