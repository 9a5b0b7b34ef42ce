//! SIGTERM while calls are running: none is lost.

use rustix::process::Signal;
use tokio::task::JoinSet;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use crate::harness::{Binary, Client, Credentials, PASSWORD};

const CALLS: usize = 40;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sigterm_in_the_middle_of_calls_loses_none() {
    // Full-price hashes, so that the calls are in the middle of something.
    let server = Binary::start(&["--argon2-memory-kib", "19456", "--argon2-passes", "2"]);
    let channel = server.channel().await;
    let client = Client::new(channel.clone());
    let mut calls = JoinSet::new();
    for n in 0..CALLS {
        let client = client.clone();
        calls.spawn(async move { client.create_user(&format!("user{n}"), PASSWORD).await });
    }
    // Frames of one connection arrive in order: when this is answered, the server has the calls above.
    let first = calls.join_next().await.unwrap().unwrap();
    first.unwrap();
    HealthClient::new(channel).check(HealthCheckRequest::default()).await.unwrap();
    server.signal(Signal::TERM);

    let mut acknowledged = 1;
    while let Some(answer) = calls.join_next().await {
        answer.unwrap().unwrap();
        acknowledged += 1;
    }
    assert_eq!(acknowledged, CALLS);
    let (status, log, folder) = server.wait();
    assert_eq!(status.code(), Some(0), "{log}");

    let server = Binary::start_in(folder, &[]);
    let client = server.client().await;
    for n in 0..CALLS {
        client.greet(Credentials::Basic(&format!("user{n}"), PASSWORD)).await.unwrap();
    }
    server.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_signal_cuts_the_waiting_short() {
    // A hash of seconds, which the first signal lets finish.
    let server = Binary::start(&["--argon2-memory-kib", "65536", "--argon2-passes", "32"]);
    let channel = server.channel().await;
    let client = Client::new(channel.clone());
    let call = tokio::spawn(async move { client.try_create_user("alice", PASSWORD).await });
    tokio::task::yield_now().await;
    HealthClient::new(channel).check(HealthCheckRequest::default()).await.unwrap();
    // Two of one kind could be delivered as one.
    server.signal(Signal::TERM);
    server.signal(Signal::INT);
    let (status, log, _folder) = server.wait();
    assert_eq!(status.code(), Some(1), "{log}");
    assert!(log.contains("second signal"), "{log}");
    call.await.unwrap().unwrap_err();
}
