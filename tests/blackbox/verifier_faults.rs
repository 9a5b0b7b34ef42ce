//! Verifiers while something is wrong: with the clock, with the server's time left, or with the verifier itself.

use std::time::Duration;

use countersign::pb::auth::v1 as pb;
use countersign::pb::auth::v1::auth_service_client::AuthServiceClient;
use countersign::pb::auth::v1::watch_trust_response::Frame as Told;
use tokio::time::timeout;

use super::watch_trust::scene;
use crate::harness::{Credentials, PASSWORD, hello};

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(30);

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
    let answer = service.revoke_token(message).await.unwrap().into_inner();
    assert_eq!(answer.verifiers_pending, 1, "it has applied nothing of this log");
}
