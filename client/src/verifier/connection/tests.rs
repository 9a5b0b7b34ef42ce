//! What comes on a stream, and how long it is listened to. Time is turned by the runtime: it goes on when nothing else does.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{BufMut as _, Bytes, BytesMut};
use countersign_verify as verify;
use futures_core::Stream;
use http::{HeaderMap, HeaderValue, StatusCode};
use http_body::Frame;
use http_body_util::StreamBody;
use prost::Message as _;
use tokio::time::{Interval, advance, interval};
use tonic::codec::Codec as _;
use tonic_prost::ProstCodec;

use super::super::clock::SystemClock;
use super::*;
use crate::pb::watch_trust_response as response;

const SECOND: Duration = Duration::from_secs(1);

/// One frame a second, or all that are wanted at once.
struct Paced<I> {
    frames: I,
    pace: Option<Interval>,
}

impl<I: Iterator<Item = Frame<Bytes>> + Unpin> Stream for Paced<I> {
    type Item = Result<Frame<Bytes>, Status>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.pace.as_mut().is_some_and(|pace| pace.poll_tick(cx).is_pending()) {
            return Poll::Pending;
        }
        Poll::Ready(self.frames.next().map(Ok))
    }
}

/// A verifier's connection that has said hello, and is listened on.
struct Listening {
    connection: Connection,
    reports: Reports,
    hello_nonce: u64,
    _sent: mpsc::Receiver<pb::WatchTrustRequest>,
}

impl Listening {
    fn new(max_staleness: Duration) -> Self {
        let clock = Arc::new(SystemClock::new());
        let rules = verify::Verifier::new("countersign", "orders").unwrap();
        let (reports, mut sent) = mpsc::channel(REPORTS);
        let mut connection = Connection {
            knowledge: Arc::new(Knowledge::new(rules, max_staleness, Arc::clone(&clock) as Arc<dyn Clock>)),
            progress: Arc::new(Progress::new()),
            clock,
            server: ServerEndpoint::parse("http://127.0.0.1:1").unwrap(),
            credentials: Arc::new(Credentials::password("orders", "correct horse")),
            introduction: Introduction {
                instance: "orders-1".into(),
                run_id: Vec::new(),
                max_staleness,
                accepts_signed: false,
            },
            randomness: Randomness::begin().0,
            tokens: Tokens::default(),
        };
        reports.try_send(connection.hello()).unwrap();
        let Some(request::Message::Hello(hello)) = sent.try_recv().unwrap().message else {
            panic!("no hello")
        };
        Self { connection, reports, hello_nonce: hello.nonce, _sent: sent }
    }

    /// Why the stream is over on which these came, one a second if they are paced.
    async fn ending(
        &mut self,
        frames: impl IntoIterator<Item = Frame<Bytes>, IntoIter: Send + Unpin + 'static>,
        paced: bool,
    ) -> String {
        let frames = Paced { frames: frames.into_iter(), pace: paced.then(|| interval(SECOND)) };
        let decoder = ProstCodec::<pb::WatchTrustRequest, pb::WatchTrustResponse>::default().decoder();
        let mut frames = Streaming::new_response(
            decoder,
            StreamBody::new(frames),
            StatusCode::OK,
            None,
            Some(MAX_MESSAGE_BYTES),
        );
        let mut backoff = Backoff::default();
        self.connection.listen(&mut frames, &self.reports, &mut backoff).await.to_string()
    }

    fn is_proven(&self) -> bool {
        self.connection.knowledge.status().staleness.is_some()
    }
}

fn frame(frame: response::Frame) -> Frame<Bytes> {
    let message = pb::WatchTrustResponse { frame: Some(frame) }.encode_to_vec();
    let mut bytes = BytesMut::new();
    bytes.put_u8(0);
    bytes.put_u32(u32::try_from(message.len()).unwrap());
    bytes.put_slice(&message);
    Frame::data(bytes.freeze())
}

fn key_set() -> Frame<Bytes> {
    frame(response::Frame::KeySet(pb::KeySetFrame { keys: Vec::new() }))
}

fn position() -> Option<pb::TrustPosition> {
    Some(pb::TrustPosition { incarnation: vec![1; 16], sequence: 1_000_000 })
}

/// A part of a snapshot, with one revocation.
fn part(sequence: i64, last: bool) -> Frame<Bytes> {
    let user = pb::RevokedUser { user_id: format!("{sequence:032x}"), below_epoch: 2 };
    let revocation = pb::Revocation {
        sequence,
        forget_time: Some(prost_types::Timestamp { seconds: 1 << 40, nanos: 0 }),
        revoked: Some(pb::revocation::Revoked::User(user)),
    };
    let position = position().filter(|_| last);
    frame(response::Frame::Snapshot(pb::SnapshotFrame { position, revocations: vec![revocation], last }))
}

fn nothing_new() -> Frame<Bytes> {
    frame(response::Frame::Revocations(pb::RevocationsFrame { sequence: 1_000_000, revocations: Vec::new() }))
}

fn heartbeat(nonce: u64) -> Frame<Bytes> {
    let age = Some(prost_types::Duration::default());
    frame(response::Frame::Heartbeat(pb::HeartbeatFrame {
        position: position(),
        age,
        nonce,
        server_time: None,
    }))
}

fn trailers(status: &'static str) -> Frame<Bytes> {
    Frame::trailers(HeaderMap::from_iter([(
        "grpc-status".parse().unwrap(),
        HeaderValue::from_static(status),
    )]))
}

#[tokio::test(start_paused = true)]
async fn a_stream_on_which_nothing_is_ever_proven_is_given_up() {
    let proven = |nonce| [key_set(), part(1, true), heartbeat(nonce)].into_iter();
    for (max_staleness, patience) in [(30, 60), (600, 600)] {
        let new = || Listening::new(Duration::from_secs(max_staleness));
        let expected = format!("nothing came for {patience} s that proves anything");
        let keys = std::iter::repeat_with(key_set);
        assert_eq!(new().ending(keys, true).await, expected);
        let snapshot = std::iter::once(key_set()).chain((1..).map(|sequence| part(sequence, false)));
        assert_eq!(new().ending(snapshot, true).await, expected);
        let mut listening = new();
        let nothing = proven(listening.hello_nonce).chain(std::iter::repeat_with(nothing_new));
        assert_eq!(listening.ending(nothing, true).await, expected);
        assert!(listening.is_proven(), "it was, once");
    }
}

#[tokio::test(start_paused = true)]
async fn who_sends_faster_than_it_is_read_is_given_up_as_well() {
    let mut listening = Listening::new(30 * SECOND);
    let flood = std::iter::repeat_with(key_set).take(200_000);
    let ending = tokio::select! {
        ending = listening.ending(flood, false) => ending,
        () = async { loop { advance(SECOND).await } } => unreachable!("time has no end"),
    };
    assert!(ending.contains("proves anything"), "{ending}");
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_may_take_its_time() {
    let mut listening = Listening::new(30 * SECOND);
    let parts = (1..=50).map(|sequence| part(sequence, sequence == 50));
    let frames =
        std::iter::once(key_set()).chain(parts).chain([heartbeat(listening.hello_nonce), trailers("0")]);
    assert_eq!(listening.ending(frames, true).await, "the server closed the stream");
    assert!(listening.is_proven());
    assert_eq!(listening.connection.knowledge.status().revocations, 50);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_silent_is_given_up_sooner() {
    let mut listening = Listening::new(30 * SECOND);
    let nonce = listening.hello_nonce;
    let frames =
        [key_set(), part(1, true)].into_iter().chain(std::iter::repeat_with(move || heartbeat(!nonce)));
    assert_eq!(listening.ending(frames, true).await, "nothing came for 5 s that brings anything");
}

/// A reset with NO_ERROR comes to the reader as an end without trailers.
#[tokio::test(start_paused = true)]
async fn the_end_of_a_stream_proves_nothing_whatever_it_says() {
    let ends =
        [vec![], vec![trailers("0")], vec![trailers("14")], vec![Frame::data(Bytes::from_static(&[0, 0]))]];
    for end in ends {
        let mut listening = Listening::new(30 * SECOND);
        let told = [key_set(), part(1, true)];
        let ending = listening.ending(told.into_iter().chain(end), false).await;
        let now = listening.connection.clock.monotonic();
        listening.connection.progress.failed(ending.clone(), false, now);
        let status = listening.connection.knowledge.status();
        let status = listening.connection.progress.add_to(status, now + SECOND);
        assert_eq!((status.last_error.as_ref(), status.last_error_age), (Some(&ending), Some(SECOND)));
        assert!(!status.connected && status.staleness.is_none() && status.position.is_some(), "{ending}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_that_is_larger_than_any_server_sends_is_not_read() {
    let mut listening = Listening::new(30 * SECOND);
    let mut header = BytesMut::new();
    header.put_u8(0);
    header.put_u32(u32::try_from(MAX_MESSAGE_BYTES + 1).unwrap());
    let ending = listening.ending([Frame::data(header.freeze())], false).await;
    assert!(ending.contains("too large"), "{ending}");
}

#[tokio::test(start_paused = true)]
async fn what_can_be_forgotten_is_forgotten_before_a_stream_begins() {
    let mut listening = Listening::new(30 * SECOND);
    let revoked = pb::RevokedUser { user_id: format!("{:032x}", 1), below_epoch: 2 };
    let revocation = pb::Revocation {
        sequence: 1,
        forget_time: Some(prost_types::Timestamp { seconds: 1, nanos: 0 }),
        revoked: Some(pb::revocation::Revoked::User(revoked)),
    };
    let (position, revocations) = (position(), vec![revocation]);
    let snapshot = response::Frame::Snapshot(pb::SnapshotFrame { position, revocations, last: true });
    listening.ending([key_set(), frame(snapshot)], false).await;
    assert_eq!(listening.connection.knowledge.status().revocations, 1);
    listening.connection.hello();
    assert_eq!(listening.connection.knowledge.status().revocations, 0);
}

#[tokio::test(start_paused = true)]
async fn a_token_is_refused_for_good_only_when_the_next_one_is_refused_too() {
    use Code::{PermissionDenied, Unauthenticated, Unavailable};
    // Each ending, with a token of its own, and whether it is a refusal.
    let histories = [
        vec![(Unauthenticated, false), (Unauthenticated, true)],
        vec![(Unauthenticated, false), (Unavailable, false), (Unauthenticated, true)],
        // Whoever lacks the role is known, hence its token was good: the next one may be over as the first one was.
        vec![(Unauthenticated, false), (PermissionDenied, true), (Unauthenticated, false)],
    ];
    for history in histories {
        let mut connection = Listening::new(30 * SECOND).connection;
        for (code, refused) in history {
            connection.tokens.shown = Some(Token::for_tests("v4.public.x"));
            let ending = Ending::Status(Status::new(code, ""));
            assert_eq!(connection.is_refused(&ending), refused, "{code:?}");
        }
    }
}
