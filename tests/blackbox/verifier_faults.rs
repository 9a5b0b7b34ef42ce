//! Verifiers while something is wrong: with the clock, with the server's time left, or with the verifier itself.

use std::convert::Infallible;
use std::pin::Pin;
use std::process::Stdio;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;

use countersign::pb::auth::v1 as pb;
use countersign::pb::auth::v1::auth_service_client::AuthServiceClient;
use countersign::pb::auth::v1::watch_trust_request::Message;
use countersign::pb::auth::v1::watch_trust_response::Frame as Told;
use http::Request;
use http_body::{Body, Frame};
use http_body_util::BodyExt;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message as _;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

use super::watch_trust::scene;
use crate::harness::{Binary, Credentials, PASSWORD, Watcher, countersign, hello};

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(30);

/// A hello, and then reports without end, as many as there is room for.
struct Flood {
    hello: Option<Bytes>,
    reports: Bytes,
}

impl Body for Flood {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let next = self.hello.take().unwrap_or_else(|| self.reports.clone());
        Poll::Ready(Some(Ok(Frame::data(next))))
    }
}

fn framed(message: Message) -> Vec<u8> {
    let message = pb::WatchTrustRequest { message: Some(message) }.encode_to_vec();
    let mut frame = vec![0];
    frame.extend(u32::try_from(message.len()).unwrap().to_be_bytes());
    frame.extend(message);
    frame
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_verifier_that_reports_without_pause_is_ended_like_any_other() {
    let scene = scene().await;
    let position = scene.watch().await.told().await.heartbeat.position;
    let report = framed(Message::Report(pb::VerifierReport { applied: position, nonce: 1 }));
    let flood = Flood {
        hello: Some(framed(Message::Hello(hello("talker"))).into()),
        reports: report.repeat(2_000).into(),
    };
    let stream = TokioIo::new(TcpStream::connect(scene.server.address).await.unwrap());
    let (mut sender, connection) = http2::Builder::new(TokioExecutor::new()).handshake(stream).await.unwrap();
    let _connection = AbortOnDropHandle::new(tokio::spawn(connection));
    let request = Request::post(format!("http://{}/auth.v1.TrustService/WatchTrust", scene.server.address))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .header("authorization", format!("Bearer {}", scene.token))
        .body(flood)
        .unwrap();
    let mut answer = sender.send_request(request).await.unwrap().into_body();
    // Heartbeats come while it talks,
    for _ in 0..5 {
        timeout(PATIENCE, answer.frame()).await.expect("a frame").unwrap().unwrap();
    }
    // and so does the end of its session.
    scene.client.revoke_token(&scene.token).await.unwrap();
    let reason = async {
        loop {
            let frame = answer.frame().await.expect("a last status").unwrap();
            if let Some(trailers) = frame.trailers_ref() {
                return trailers["grpc-status"].clone();
            }
        }
    };
    let reason = timeout(PATIENCE, reason).await.expect("the stream ends");
    assert_eq!(reason, "16");
}

#[tokio::test]
async fn a_clock_that_is_set_back_stops_nobody_from_signing_in() {
    let scene = scene().await;
    scene.server.clock.turn_back(Duration::from_secs(2 * 3600));
    let token = timeout(PATIENCE, async {
        loop {
            // Its keys are read now and then.
            if let Ok(token) = scene.client.try_issue(Credentials::Basic("orders", PASSWORD)).await {
                return token;
            }
            tokio::task::yield_now().await;
        }
    });
    let token = token.await.expect("it signs again");
    scene.client.greet(Credentials::Bearer(&token)).await.unwrap();
}

#[tokio::test]
async fn a_server_that_stops_answers_whoever_waits_for_verifiers() {
    let scene = scene().await;
    scene.client.create_user("alice", PASSWORD).await.unwrap();
    let tokens = scene.client.open("alice", PASSWORD).await;
    let mut silent = scene.watch_with(hello("silent")).await.unwrap();
    silent.told().await;
    let mut service = AuthServiceClient::new(scene.server.channel().await);
    let wait_for_verifiers = Some(prost_types::Duration { seconds: 10, nanos: 0 });
    let message = pb::RevokeTokenRequest { token: tokens.token, wait_for_verifiers };
    let answer = tokio::spawn(async move { service.revoke_token(message).await });
    // It is committed, and what is left is the wait.
    while !matches!(silent.next().await, Some(Ok(Told::Revocations(_)))) {}
    scene.server.begin_stop();
    assert_eq!(answer.await.unwrap().unwrap().into_inner().verifiers_pending, 1);
}

#[tokio::test]
async fn nobody_is_told_that_verifiers_know_it_by_what_they_have_applied_of_another_log() {
    let scene = scene().await;
    scene.client.create_user("alice", PASSWORD).await.unwrap();
    for _ in 0..4 {
        let tokens = scene.client.open("alice", PASSWORD).await;
        scene.client.revoke_token(&tokens.token).await.unwrap();
    }
    let tokens = scene.client.open("alice", PASSWORD).await;
    let mut watcher = scene.watch().await;
    let position = watcher.told().await.heartbeat.position.unwrap();
    watcher.report(position, 3).await;
    watcher.told_until(3).await;
    // An older copy takes the log's place, and something is revoked before anybody has looked.
    scene.server.execute_sql("UPDATE trust_counter SET sequence = 1").await;
    scene.server.execute_sql("DELETE FROM revocations WHERE sequence > 1").await;
    let mut service = AuthServiceClient::new(scene.server.channel().await);
    let wait_for_verifiers = Some(prost_types::Duration { seconds: 1, nanos: 0 });
    let message = pb::RevokeTokenRequest { token: tokens.token, wait_for_verifiers };
    // Nothing is written into a log that lacks what is known; it is read anew within half a second.
    let revoking = async {
        loop {
            match service.revoke_token(message.clone()).await {
                Err(refusal) if refusal.code() == tonic::Code::Unavailable => {}
                outcome => return outcome.unwrap().into_inner(),
            }
        }
    };
    let answer = timeout(PATIENCE, revoking).await.unwrap();
    assert_eq!(answer.verifiers_pending, 1, "it has applied nothing of this log");
}

/// A server with a verifier's stream.
async fn watched(server: &Binary, resume: Option<pb::TrustPosition>) -> Watcher {
    let basic = Credentials::Basic("orders", PASSWORD);
    let hello = pb::VerifierHello { resume, ..hello("orders-1") };
    Watcher::begin(server.channel().await, basic, hello).await.unwrap()
}

async fn binary() -> Binary {
    let server = Binary::start(&[]);
    let client = server.client().await;
    for name in ["alice", "orders"] {
        client.create_user(name, PASSWORD).await.unwrap();
    }
    server.database().execute("UPDATE users SET roles = 'verifier' WHERE name_shown = 'orders'").await;
    server
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_runs_a_server_is_told_that_an_older_copy_of_its_database_was_put_back() {
    let server = binary().await;
    for _ in 0..3 {
        let tokens = server.client().await.open("alice", PASSWORD).await;
        server.client().await.revoke_token(&tokens.token).await.unwrap();
    }
    let seen = watched(&server, None).await.told().await.heartbeat.position;
    let database = server.database();
    let (_, _, folder) = server.stop();
    database.execute("UPDATE trust_counter SET sequence = 1").await;
    database.execute("DELETE FROM revocations WHERE sequence > 1").await;
    let server = Binary::start_in(folder, &[]);
    for _ in 0..2 {
        watched(&server, seen.clone()).await.told().await;
    }
    let (_, log, _) = server.stop();
    assert_eq!(
        log.matches("a verifier has seen more revocations than the database holds").count(),
        1,
        "{log}"
    );
    assert!(log.contains("countersign fence"), "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_server_on_the_same_database_is_no_reason_for_an_alarm() {
    let server = binary().await;
    let mut watcher = watched(&server, None).await;
    assert_eq!(watcher.told().await.snapshots, 1);
    let mut command = countersign(server.folder.path());
    let other = command.args(["--listen", "127.0.0.1:0"]).stdout(Stdio::null()).stderr(Stdio::null());
    let mut other = other.spawn().unwrap();
    // It has begun an incarnation when a snapshot comes.
    while watcher.told().await.snapshots == 0 {}
    other.kill().unwrap();
    other.wait().unwrap();
    let (_, log, _) = server.stop();
    assert!(log.contains("another server has started on this database") && !log.contains("ERROR"), "{log}");
}
