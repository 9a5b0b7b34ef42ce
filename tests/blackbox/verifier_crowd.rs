//! Many verifiers, and some that do not read: neither holds up the others, and the server's memory stays as it is.

use std::convert::Infallible;
use std::fs;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use countersign::pb::auth::v1 as pb;
use countersign::pb::auth::v1::admin_service_client::AdminServiceClient;
use countersign::pb::auth::v1::watch_trust_request::Message;
use http::{Request, Response};
use http_body::{Body, Frame};
use hyper::body::Incoming;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message as _;
use tokio::net::TcpStream;
use tokio_util::task::AbortOnDropHandle;

use super::watch_trust::scene;
use crate::harness::{Binary, Client, Credentials, PASSWORD, Watcher, hello};

/// A hello, and then nothing for as long as the stream lives.
struct HelloAndSilence(Option<Bytes>);

impl Body for HelloAndSilence {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.0.take() {
            Some(bytes) => Poll::Ready(Some(Ok(Frame::data(bytes)))),
            None => Poll::Pending,
        }
    }
}

/// A verifier that has said hello and has room for one byte of the answer.
struct Stalled {
    _answer: Response<Incoming>,
    _connection: AbortOnDropHandle<hyper::Result<()>>,
}

async fn stall(address: SocketAddr, token: &str, hello: pb::VerifierHello) -> Stalled {
    let stream = TokioIo::new(TcpStream::connect(address).await.unwrap());
    let (mut sender, connection) = http2::Builder::new(TokioExecutor::new())
        .initial_stream_window_size(1)
        .handshake(stream)
        .await
        .unwrap();
    let connection = AbortOnDropHandle::new(tokio::spawn(connection));
    let message = pb::WatchTrustRequest { message: Some(Message::Hello(hello)) }.encode_to_vec();
    let mut frame = vec![0];
    frame.extend(u32::try_from(message.len()).unwrap().to_be_bytes());
    frame.extend(message);
    let request = Request::post(format!("http://{address}/auth.v1.TrustService/WatchTrust"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .header("authorization", format!("Bearer {token}"))
        .body(HelloAndSilence(Some(frame.into())))
        .unwrap();
    Stalled { _answer: sender.send_request(request).await.unwrap(), _connection: connection }
}

#[tokio::test]
async fn a_verifier_that_stops_reading_is_dropped_and_holds_up_nobody() {
    let scene = scene().await;
    let short = prost_types::Duration { seconds: 2, nanos: 0 };
    let hello_of = |name: &str| pb::VerifierHello { max_staleness: Some(short), ..hello(name) };
    let _stalled = stall(scene.server.address, &scene.token, hello_of("stalled")).await;
    let mut reading = scene.watch().await;
    reading.told().await;
    scene.client.create_user("alice", PASSWORD).await.unwrap();
    let tokens = scene.client.open("alice", PASSWORD).await;
    scene.client.revoke_token(&tokens.token).await.unwrap();
    assert_eq!(reading.revocations().await.len(), 1);

    // Its connection is open and answers pings; its stream is what has to go.
    let mut admin = AdminServiceClient::new(scene.server.channel().await);
    let root = scene.client.sign_in("root", PASSWORD).await;
    for heartbeat in 0.. {
        assert!(heartbeat < 30, "it is still there");
        let request = Credentials::Bearer(&root).attach(pb::ListVerifiersRequest {});
        let verifiers = admin.list_verifiers(request).await.unwrap().into_inner().verifiers;
        if verifiers.iter().all(|verifier| verifier.instance != "stalled") {
            break;
        }
        // Another heartbeat, and the stream that reads is still told.
        reading.told().await;
    }
}

/// What of the server's memory is its own and in use, in MiB.
fn resident(server: &Binary) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", server.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with("RssAnon:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}

/// One that need not report while the test is busy with others.
fn patient(instance: String) -> pb::VerifierHello {
    let max_staleness = Some(prost_types::Duration { seconds: 600, nanos: 0 });
    pb::VerifierHello { instance, max_staleness, ..Default::default() }
}

async fn sign_in_and_out(client: &Client, times: usize) {
    for _ in 0..times {
        let tokens = client.open("busy", PASSWORD).await;
        client.revoke_token(&tokens.token).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_verifiers_and_a_user_who_signs_in_and_out_cost_no_more_memory() {
    let server = Binary::start(&["--max-sessions-per-user", "0"]);
    let client = server.client().await;
    client.create_user("busy", PASSWORD).await.unwrap();
    client.create_user("orders", PASSWORD).await.unwrap();
    server.database().execute("UPDATE users SET roles = 'verifier' WHERE name_shown = 'orders'").await;
    let token = client.sign_in("orders", PASSWORD).await;
    let bearer = Credentials::Bearer(&token);

    let mut reading = Vec::new();
    let mut stalled = Vec::new();
    for number in 0..900 {
        let hello = patient(format!("reading-{number}"));
        reading.push(Watcher::begin(server.channel().await, bearer.clone(), hello).await.unwrap());
    }
    for number in 0..100 {
        stalled.push(stall(server.address, &token, patient(format!("stalled-{number}"))).await);
    }
    for watcher in &mut reading {
        watcher.told().await;
    }
    sign_in_and_out(&client, 50).await;
    let before = resident(&server);
    sign_in_and_out(&client, 200).await;
    let mut sessions = 0;
    for watcher in &mut reading {
        watcher.revocations().await;
        sessions += 1;
    }
    assert_eq!(sessions, 900);
    let after = resident(&server);
    assert!(after <= before + 16, "{before} MiB with all of them, {after} MiB 200 sessions later");
    assert!(before < 200, "{before} MiB for a thousand verifiers");
    println!("a thousand verifiers: {before} MiB, and {after} MiB 200 sessions later");
}
