//! What a check of a token costs a service that embeds the verifier, in time of its thread, with nothing revoked and with
//! much. `cargo bench -p countersign-client --bench verify`. A server of a few lines tells the verifier what it knows, over
//! loopback, and a heartbeat a second beside the checks.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot be set up has nothing to measure")]
#![expect(clippy::disallowed_methods, reason = "a benchmark lives in real time")]

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::hint::black_box;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use countersign_client::{Claims, ServerEndpoint, Verifier};
use countersign_verify::{PublicKey, footer_for, paseto};
use criterion::measurement::{Measurement, ValueFormatter, WallTime};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use ed25519_dalek::{Signer as _, SigningKey};
use prost::Message;
use rustix::time::{ClockId, clock_gettime};
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::body::Body;
use tonic::codegen::{BoxFuture, Service, http};
use tonic::server::{Grpc, NamedService, StreamingService};
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status, Streaming};
use tonic_prost::ProstCodec;
use uuid::Uuid;

const AUDIENCE: &str = "orders";
/// How many revocations a frame has, as with the real server.
const PAGE: i64 = 1_000;

/// What `auth/v1/trust_service.proto` says, as far as it is needed here.
#[derive(Clone, PartialEq, Message)]
struct Frame {
    #[prost(message, optional, tag = "1")]
    key_set: Option<KeySet>,
    #[prost(message, optional, tag = "2")]
    snapshot: Option<Snapshot>,
    #[prost(message, optional, tag = "4")]
    heartbeat: Option<Heartbeat>,
}

#[derive(Clone, PartialEq, Message)]
struct KeySet {
    #[prost(message, repeated, tag = "1")]
    keys: Vec<Key>,
}

#[derive(Clone, PartialEq, Message)]
struct Key {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(string, tag = "2")]
    key_id: String,
}

#[derive(Clone, PartialEq, Message)]
struct Snapshot {
    #[prost(message, optional, tag = "1")]
    position: Option<Position>,
    #[prost(message, repeated, tag = "2")]
    revocations: Vec<Revocation>,
    #[prost(bool, tag = "3")]
    last: bool,
}

#[derive(Clone, PartialEq, Message)]
struct Position {
    #[prost(bytes = "vec", tag = "1")]
    incarnation: Vec<u8>,
    #[prost(int64, tag = "2")]
    sequence: i64,
}

#[derive(Clone, PartialEq, Message)]
struct Revocation {
    #[prost(int64, tag = "1")]
    sequence: i64,
    #[prost(message, optional, tag = "3")]
    session: Option<Session>,
    #[prost(message, optional, tag = "5")]
    forget_time: Option<prost_types::Timestamp>,
}

#[derive(Clone, PartialEq, Message)]
struct Session {
    #[prost(string, tag = "1")]
    session_id: String,
    #[prost(string, tag = "2")]
    user_id: String,
}

#[derive(Clone, PartialEq, Message)]
struct Heartbeat {
    #[prost(message, optional, tag = "1")]
    position: Option<Position>,
    #[prost(message, optional, tag = "2")]
    age: Option<prost_types::Duration>,
    #[prost(uint64, tag = "3")]
    nonce: u64,
}

#[derive(Clone, PartialEq, Message)]
struct FromVerifier {
    #[prost(message, optional, tag = "1")]
    hello: Option<Hello>,
    #[prost(message, optional, tag = "2")]
    report: Option<Report>,
}

#[derive(Clone, PartialEq, Message)]
struct Hello {
    #[prost(uint64, tag = "5")]
    nonce: u64,
}

#[derive(Clone, PartialEq, Message)]
struct Report {
    #[prost(uint64, tag = "2")]
    nonce: u64,
}

/// WatchTrust, of a server on which so many sessions have ended.
#[derive(Clone)]
struct Told {
    revocations: i64,
}

impl Told {
    fn position(&self) -> Option<Position> {
        Some(Position { incarnation: vec![1; 16], sequence: self.revocations })
    }

    fn beginning(&self) -> impl Iterator<Item = Frame> {
        let key = Key { key: public_key().to_paserk(), key_id: public_key().id().to_string() };
        let keys = Frame { key_set: Some(KeySet { keys: vec![key] }), ..Frame::default() };
        let parts = (0..=self.revocations / PAGE).map(move |page| {
            let numbers = page * PAGE + 1..=self.revocations.min((page + 1) * PAGE);
            let last = page == self.revocations / PAGE;
            let position = self.position().filter(|_| last);
            let revocations = numbers.map(ended).collect();
            Frame { snapshot: Some(Snapshot { position, revocations, last }), ..Frame::default() }
        });
        std::iter::once(keys).chain(parts)
    }

    async fn tell(self, mut reports: Streaming<FromVerifier>, frames: mpsc::Sender<Result<Frame, Status>>) {
        for frame in self.beginning() {
            frames.send(Ok(frame)).await.unwrap();
        }
        let (mut pace, mut nonce) = (tokio::time::interval(Duration::from_secs(1)), 0);
        loop {
            tokio::select! {
                message = reports.message() => match message {
                    Ok(Some(FromVerifier { hello: Some(hello), .. })) => nonce = hello.nonce,
                    Ok(Some(FromVerifier { report: Some(report), .. })) => nonce = report.nonce,
                    _ => return,
                },
                _ = pace.tick() => {
                    let age = Some(prost_types::Duration::default());
                    let heartbeat = Some(Heartbeat { position: self.position(), age, nonce });
                    let _gone = frames.send(Ok(Frame { heartbeat, ..Frame::default() })).await;
                }
            }
        }
    }
}

impl StreamingService<FromVerifier> for Told {
    type Response = Frame;
    type ResponseStream = ReceiverStream<Result<Frame, Status>>;
    type Future = Ready<Result<Response<Self::ResponseStream>, Status>>;

    fn call(&mut self, request: Request<Streaming<FromVerifier>>) -> Self::Future {
        let (frames, told) = mpsc::channel(4);
        tokio::spawn(self.clone().tell(request.into_inner(), frames));
        ready(Ok(Response::new(ReceiverStream::new(told))))
    }
}

impl NamedService for Told {
    const NAME: &'static str = "auth.v1.TrustService";
}

impl Service<http::Request<Body>> for Told {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Self::Response, Infallible>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let told = self.clone();
        let codec = ProstCodec::<Frame, FromVerifier>::default();
        Box::pin(async move { Ok(Grpc::new(codec).streaming(told, request).await) }) as Pin<Box<_>>
    }
}

fn ended(number: i64) -> Revocation {
    let id = |number: i64| Uuid::from_u128(u128::from(number.unsigned_abs()) << 64).to_string();
    Revocation {
        sequence: number,
        session: Some(Session { session_id: id(number), user_id: id(-number) }),
        forget_time: Some(prost_types::Timestamp { seconds: now() + 3600, nanos: 0 }),
    }
}

fn now() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap()
}

fn signer() -> SigningKey {
    SigningKey::from_bytes(&[1; 32])
}

fn public_key() -> PublicKey {
    PublicKey::from_bytes(signer().verifying_key().as_bytes()).unwrap()
}

/// A token as the real server issues it, unlike those with other numbers.
fn token(number: u64) -> String {
    let claims = Claims {
        issuer: "countersign".into(),
        audience: AUDIENCE.into(),
        subject: Uuid::from_u128(1),
        issued_at: now(),
        not_before: now(),
        expires_at: now() + 3600,
        token_id: Uuid::from_u128(u128::from(number)),
        session_id: Uuid::from_u128(2),
        epoch: 1,
        auth_time: now(),
        name: "alice".into(),
        roles: vec!["service".into()],
        amr: vec!["pwd".into()],
    };
    let (payload, footer) = (claims.to_json(), footer_for(public_key().id()));
    let signed = paseto::signing_input(&payload, footer.as_bytes());
    paseto::assemble(&payload, &signer().sign(&signed).to_bytes(), footer.as_bytes())
}

/// Both live as long as the runtime.
async fn verifier(revocations: i64) -> Verifier {
    let incoming = TcpIncoming::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let url = format!("http://{}", incoming.local_addr().unwrap());
    tokio::spawn(Server::builder().add_service(Told { revocations }).serve_with_incoming(incoming));
    let builder = Verifier::builder(ServerEndpoint::parse(&url).unwrap(), AUDIENCE);
    builder.password("orders", "correct horse").unwrap().connect().await.unwrap()
}

/// The time that this thread has run: others on the machine, and the connection beside the checks, do not count.
struct ThreadTime;

impl Measurement for ThreadTime {
    type Intermediate = Duration;
    type Value = Duration;

    fn start(&self) -> Duration {
        clock_gettime(ClockId::ThreadCPUTime).try_into().unwrap()
    }

    fn end(&self, started: Duration) -> Duration {
        self.start() - started
    }

    fn add(&self, one: &Duration, other: &Duration) -> Duration {
        *one + *other
    }

    fn zero(&self) -> Duration {
        Duration::ZERO
    }

    fn to_f64(&self, value: &Duration) -> f64 {
        WallTime.to_f64(value)
    }

    fn formatter(&self) -> &dyn ValueFormatter {
        WallTime.formatter()
    }
}

fn checks(c: &mut Criterion<ThreadTime>) {
    let runtime = Runtime::new().unwrap();
    let mut group = c.benchmark_group("verify");
    group.throughput(Throughput::Elements(1));
    let mut number = 0;
    for revocations in [0, 100_000] {
        let verifier = runtime.block_on(verifier(revocations));
        assert_eq!(verifier.status().revocations, usize::try_from(revocations).unwrap());
        let seen = token(0);
        group.bench_function(format!("seen before, {revocations} revocations"), |b| {
            b.iter(|| verifier.verify(black_box(&seen)).unwrap());
        });
        group.bench_function(format!("never seen, {revocations} revocations"), |b| {
            let unseen = || {
                number += 1;
                token(number)
            };
            b.iter_batched(
                unseen,
                |token| verifier.verify(black_box(&token)).unwrap(),
                BatchSize::SmallInput,
            );
        });
    }
}

criterion_group!(name = benches; config = Criterion::default().with_measurement(ThreadTime); targets = checks);
criterion_main!(benches);
