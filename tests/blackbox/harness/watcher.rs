//! A verifier's stream, frame by frame.

use std::time::Duration;

use countersign::pb::auth::v1 as pb;
use countersign::pb::auth::v1::trust_service_client::TrustServiceClient;
use countersign::pb::auth::v1::watch_trust_request::Message;
use countersign::pb::auth::v1::watch_trust_response::Frame;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;
use tonic::{Status, Streaming};
use tonic_types::StatusExt;

use super::Credentials;

/// How long a frame may take before a test gives up on it.
const PATIENCE: Duration = Duration::from_secs(30);

pub struct Watcher {
    reports: mpsc::Sender<pb::WatchTrustRequest>,
    frames: Streaming<pb::WatchTrustResponse>,
}

/// Code and reason of a refusal.
pub type Ended = (tonic::Code, String);

/// What was told until a heartbeat.
#[derive(Debug, Default)]
pub struct Told {
    pub key_sets: Vec<Vec<pb::VerificationKey>>,
    /// In the order of their coming; of snapshots and of frames alike.
    pub revocations: Vec<pb::Revocation>,
    pub snapshots: usize,
    pub heartbeat: pb::HeartbeatFrame,
}

pub fn hello(instance: &str) -> pb::VerifierHello {
    pb::VerifierHello { instance: instance.to_owned(), ..Default::default() }
}

/// A span of seconds as calls take it.
pub fn seconds(seconds: i64) -> Option<prost_types::Duration> {
    Some(prost_types::Duration { seconds, nanos: 0 })
}

pub fn ended(status: &Status) -> Ended {
    let details = status.get_error_details();
    let info = details.error_info().unwrap_or_else(|| panic!("no ErrorInfo in {status:?}"));
    assert!(details.request_info().is_some(), "no RequestInfo in {status:?}");
    (status.code(), info.reason.clone())
}

impl Watcher {
    pub async fn begin(
        channel: Channel,
        credentials: Credentials<'_>,
        hello: pb::VerifierHello,
    ) -> Result<Self, Status> {
        Self::begin_with(channel, credentials, Some(Message::Hello(hello))).await
    }

    pub async fn begin_with(
        channel: Channel,
        credentials: Credentials<'_>,
        first: Option<Message>,
    ) -> Result<Self, Status> {
        let (reports, outgoing) = mpsc::channel(8);
        reports.send(pb::WatchTrustRequest { message: first }).await.unwrap();
        let request = credentials.attach(ReceiverStream::new(outgoing));
        let frames = TrustServiceClient::new(channel).watch_trust(request).await?.into_inner();
        Ok(Self { reports, frames })
    }

    /// The next frame, or the stream's end: `None` for a good one.
    pub async fn next(&mut self) -> Option<Result<Frame, Status>> {
        let message = timeout(PATIENCE, self.frames.message()).await.expect("a frame or an end");
        message.transpose().map(|message| message.map(|message| message.frame.unwrap()))
    }

    /// Follows the stream until something was revoked, and reports that it is applied.
    pub async fn apply(&mut self, cycle: u64) {
        let told = loop {
            let told = self.told().await;
            if !told.revocations.is_empty() {
                break told;
            }
        };
        self.report(told.heartbeat.position.unwrap(), cycle).await;
    }

    /// Everything up to the next heartbeat, with it.
    pub async fn told(&mut self) -> Told {
        let mut told = Told::default();
        loop {
            match self.next().await.expect("the stream goes on").unwrap() {
                Frame::KeySet(keys) => told.key_sets.push(keys.keys),
                Frame::Snapshot(part) => {
                    told.snapshots += usize::from(part.last);
                    told.revocations.extend(part.revocations);
                }
                Frame::Revocations(frame) => told.revocations.extend(frame.revocations),
                Frame::Heartbeat(heartbeat) => {
                    told.heartbeat = heartbeat;
                    return told;
                }
            }
        }
    }

    /// Everything up to the first heartbeat that repeats `nonce`.
    pub async fn told_until(&mut self, nonce: u64) -> Told {
        let mut all = Told::default();
        while all.heartbeat.nonce != nonce {
            let told = self.told().await;
            all.key_sets.extend(told.key_sets);
            all.revocations.extend(told.revocations);
            all.snapshots += told.snapshots;
            all.heartbeat = told.heartbeat;
        }
        all
    }

    /// Frames until one of revocations.
    pub async fn revocations(&mut self) -> Vec<pb::Revocation> {
        loop {
            if let Frame::Revocations(frame) = self.next().await.expect("the stream goes on").unwrap() {
                return frame.revocations;
            }
        }
    }

    /// Why the stream ends; whatever comes before is passed over.
    pub async fn end(&mut self) -> Ended {
        loop {
            match self.next().await.expect("an error") {
                Ok(_) => {}
                Err(status) => return ended(&status),
            }
        }
    }

    pub async fn send(&self, message: Message) {
        self.reports.send(pb::WatchTrustRequest { message: Some(message) }).await.unwrap();
    }

    pub async fn report(&self, applied: pb::TrustPosition, nonce: u64) {
        let report = pb::VerifierReport { applied: Some(applied), nonce };
        self.send(Message::Report(report)).await;
    }

    /// Closes this side, and reads the other one to its end.
    pub async fn say_goodbye(self) {
        let Self { reports, mut frames } = self;
        drop(reports);
        while timeout(PATIENCE, frames.message()).await.unwrap().unwrap().is_some() {}
    }
}
