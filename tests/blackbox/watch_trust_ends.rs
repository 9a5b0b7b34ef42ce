//! Who may watch the stream that tells verifiers, and how it ends.

use std::time::Duration;

use countersign::pb::auth::v1 as pb;
use countersign::pb::auth::v1::watch_trust_request::Message;
use tonic::Code;

use super::watch_trust::{Scene, revoked, scene};
use crate::harness::{Credentials, PASSWORD, Watcher, ended, hello};

#[tokio::test]
async fn a_stream_outlives_its_token_and_the_key_of_it() {
    let scene = scene().await;
    let mut watcher = scene.watch().await;
    watcher.told().await;
    let key = scene.client.caller(Credentials::Bearer(&scene.token)).await.key_id;
    scene.admin.revoke_key(&key).await.unwrap();
    watcher.revocations().await;
    scene.server.clock.advance(Duration::from_secs(601));
    let position = watcher.told().await.heartbeat.position.unwrap();
    watcher.report(position, 5).await;
    watcher.told_until(5).await;
    assert!(scene.client.greet(Credentials::Bearer(&scene.token)).await.is_err());
}

#[tokio::test]
async fn a_stream_ends_with_its_session_its_role_its_user_and_its_password() {
    let scene = scene().await;
    let id = &scene.verifier.user_id.clone();

    let mut watcher = scene.watch().await;
    watcher.told().await;
    scene.client.revoke_token(&scene.token).await.unwrap();
    watcher.revocations().await;
    // Right after it has been told so itself.
    let end = ended(&watcher.next().await.unwrap().unwrap_err());
    assert_eq!(end, revoked(Code::Unauthenticated, "TOKEN_REVOKED"));

    let scene = Scene { token: scene.client.sign_in("orders", PASSWORD).await, ..scene };
    let mut watcher = scene.watch().await;
    watcher.told().await;
    scene.admin.set_roles(id, &["verifier", "service"]).await.unwrap();
    watcher.revocations().await;
    let position = watcher.told().await.heartbeat.position.unwrap();
    watcher.report(position, 9).await;
    watcher.told_until(9).await;
    scene.admin.set_roles(id, &["service"]).await.unwrap();
    assert_eq!(watcher.end().await, revoked(Code::PermissionDenied, "ROLE_REQUIRED"));

    scene.admin.set_roles(id, &["verifier"]).await.unwrap();
    let basic = Credentials::Basic("orders", PASSWORD);
    let channel = scene.server.channel().await;
    let mut watcher = Watcher::begin(channel.clone(), basic.clone(), hello("orders-1")).await.unwrap();
    watcher.told().await;
    scene.client.change_password(basic.clone(), PASSWORD, "another horse battery").await.unwrap();
    assert_eq!(watcher.end().await, revoked(Code::Unauthenticated, "CREDENTIALS_INVALID"));

    let basic = Credentials::Basic("orders", "another horse battery");
    let mut watcher = Watcher::begin(channel, basic, hello("orders-1")).await.unwrap();
    watcher.told().await;
    scene.admin.disable_user(id).await.unwrap();
    assert_eq!(watcher.end().await, revoked(Code::Unauthenticated, "CREDENTIALS_INVALID"));
}

#[tokio::test]
async fn a_hello_that_makes_no_sense_is_refused_by_its_field() {
    let scene = scene().await;
    let invalid = revoked(Code::InvalidArgument, "FIELD_INVALID");
    assert_eq!(scene.refusal(hello("")).await, invalid);
    for (seconds, nanos) in [(1, 999_999_999), (600, 1)] {
        let max_staleness = Some(prost_types::Duration { seconds, nanos });
        assert_eq!(scene.refusal(pb::VerifierHello { max_staleness, ..hello("x") }).await, invalid);
    }
    let channel = scene.server.channel().await;
    let bearer = Credentials::Bearer(&scene.token);
    for first in [None, Some(Message::Report(pb::VerifierReport::default()))] {
        let refused =
            Watcher::begin_with(channel.clone(), bearer.clone(), first).await.map(|_| ()).unwrap_err();
        assert_eq!(ended(&refused), invalid);
        assert!(refused.message().starts_with("hello must be the first message"), "{refused:?}");
    }
    let mut watcher = scene.watch().await;
    watcher.send(Message::Hello(hello("again"))).await;
    assert_eq!(watcher.end().await, invalid);

    let mut watcher = scene.watch().await;
    let mut position = watcher.told().await.heartbeat.position.unwrap();
    position.sequence += 1;
    watcher.report(position, 1).await;
    assert_eq!(watcher.end().await, invalid, "nobody has applied what was not sent");
}

#[tokio::test]
async fn only_verifiers_watch() {
    let scene = scene().await;
    scene.client.create_user("alice", PASSWORD).await.unwrap();
    let token = scene.client.sign_in("alice", PASSWORD).await;
    let channel = scene.server.channel().await;
    for (credentials, expected) in [
        (Credentials::None, revoked(Code::Unauthenticated, "CREDENTIALS_MISSING")),
        (Credentials::Bearer(&token), revoked(Code::PermissionDenied, "ROLE_REQUIRED")),
    ] {
        let refused = Watcher::begin(channel.clone(), credentials, hello("x")).await.map(|_| ()).unwrap_err();
        assert_eq!(ended(&refused), expected);
    }
}

#[tokio::test]
async fn a_server_that_stops_ends_the_stream_and_says_come_back() {
    let scene = scene().await;
    let mut watcher = scene.watch().await;
    watcher.told().await;
    scene.server.begin_stop();
    assert_eq!(watcher.end().await, revoked(Code::Unavailable, "STORE_UNAVAILABLE"));
}

/// An answer that nobody takes is let go after 20 to 30 s; a stream is no such answer.
#[tokio::test]
async fn a_stream_that_is_read_goes_on_and_so_does_what_shares_its_connection() {
    let scene = scene().await;
    let channel = scene.server.channel().await;
    let mut watcher =
        Watcher::begin(channel.clone(), Credentials::Bearer(&scene.token), hello("orders-1")).await.unwrap();
    let mut health = tonic_health::pb::health_client::HealthClient::new(channel);
    let request = tonic_health::pb::HealthCheckRequest { service: String::new() };
    let mut watched = health.watch(request).await.unwrap().into_inner();
    watched.message().await.unwrap().unwrap();
    // One heartbeat comes each second.
    for nonce in 1..=35 {
        let position = watcher.told().await.heartbeat.position.unwrap();
        watcher.report(position, nonce).await;
    }
    let more = tokio::time::timeout(Duration::from_millis(100), watched.message()).await;
    assert!(more.is_err(), "it has ended: {more:?}");
}
