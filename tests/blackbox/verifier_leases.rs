//! Waiting until all verifiers know what was revoked, who they are, and those that go silent.

use std::time::Duration;

use countersign::pb::auth::v1 as pb;
use countersign::pb::auth::v1::auth_service_client::AuthServiceClient;
use countersign::pb::auth::v1::watch_trust_request::Message;
use tokio::task::JoinHandle;
use tonic::Code;

use super::watch_trust::{Scene, scene};
use crate::harness::{Credentials, PASSWORD, Refused, Tokens, Watcher, hello, refused, seconds};

/// Alice's session.
async fn alice(scene: &Scene) -> Tokens {
    scene.client.create_user("alice", PASSWORD).await.unwrap();
    scene.client.open("alice", PASSWORD).await
}

/// Ends a session and waits for the verifiers.
async fn revoke(scene: &Scene, token: &str, wait: i64) -> JoinHandle<i32> {
    let mut service = AuthServiceClient::new(scene.server.channel().await);
    let message = pb::RevokeTokenRequest { token: token.to_owned(), wait_for_verifiers: seconds(wait) };
    tokio::spawn(async move { service.revoke_token(message).await.unwrap().into_inner().verifiers_pending })
}

#[tokio::test]
async fn an_answer_waits_until_every_verifier_has_applied_it() {
    let scene = scene().await;
    let tokens = alice(&scene).await;
    let (mut first, mut second) = (scene.watch().await, scene.watch_with(hello("orders-2")).await.unwrap());
    first.told().await;
    second.told().await;
    let answer = revoke(&scene, &tokens.token, 10).await;
    first.apply(1).await;
    // It cannot be over: the other one has said nothing.
    assert!(!answer.is_finished());
    second.apply(1).await;
    assert_eq!(answer.await.unwrap(), 0);
}

#[tokio::test]
async fn a_verifier_that_does_not_apply_it_is_counted_and_admins_learn_its_name() {
    let scene = scene().await;
    let alice = scene.client.create_user("alice", PASSWORD).await.unwrap();
    scene.client.open("alice", PASSWORD).await;
    let mut watcher = scene.watch().await;
    watcher.told().await;
    let mut service = AuthServiceClient::new(scene.server.channel().await);
    let root = scene.client.sign_in("root", PASSWORD).await;
    let message = pb::RevokeAllSessionsRequest {
        user_id: alice.user_id,
        keep_current: false,
        wait_for_verifiers: seconds(1),
    };
    let answer = service.revoke_all_sessions(Credentials::Bearer(&root).attach(message)).await.unwrap();
    let answer = answer.into_inner();
    assert_eq!((answer.revoked_count, answer.verifiers_pending), (1, 1));
    assert_eq!(answer.pending_verifiers, ["orders-1"]);

    scene.client.create_user("bob", PASSWORD).await.unwrap();
    let of_bob = scene.client.open("bob", PASSWORD).await;
    let message = pb::RevokeSessionRequest { session_id: of_bob.session_id, wait_for_verifiers: seconds(1) };
    let answer = service.revoke_session(Credentials::Bearer(&of_bob.token).attach(message)).await.unwrap();
    let answer = answer.into_inner();
    assert_eq!(answer.verifiers_pending, 1);
    assert!(answer.pending_verifiers.is_empty(), "names are for admins");
}

#[tokio::test]
async fn every_call_that_revokes_can_wait() {
    let scene = scene().await;
    let bob = scene.client.create_user("bob", PASSWORD).await.unwrap();
    scene.client.open("bob", PASSWORD).await;
    scene.watch().await.told().await;
    // Its stream is gone, its lease is not.
    let (wait, another) = (seconds(1), "another horse battery");
    let channel = scene.server.channel().await;
    let mut auth = AuthServiceClient::new(channel.clone());
    let mut admin = pb::admin_service_client::AdminServiceClient::new(channel);
    let root = scene.client.sign_in("root", PASSWORD).await;
    let root = Credentials::Bearer(&root);

    let roles = pb::SetRolesRequest {
        user_id: bob.user_id.clone(),
        roles: vec!["buyer".to_owned()],
        wait_for_verifiers: wait,
    };
    assert_eq!(admin.set_roles(root.attach(roles)).await.unwrap().into_inner().verifiers_pending, 1);

    let basic = Credentials::Basic("bob", PASSWORD);
    let message = pb::ChangePasswordRequest {
        current_password: PASSWORD.to_owned(),
        new_password: another.to_owned(),
        wait_for_verifiers: wait,
    };
    let changed = auth.change_password(basic.attach(message)).await.unwrap().into_inner();
    assert_eq!(changed.verifiers_pending, 1);

    let code = scene.admin.create_reset_code(&bob.user_id).await.unwrap().reset_code;
    let message = pb::ResetPasswordRequest {
        reset_code: code,
        new_password: PASSWORD.to_owned(),
        wait_for_verifiers: wait,
    };
    assert_eq!(auth.reset_password(message).await.unwrap().into_inner().verifiers_pending, 1);

    let message = pb::DisableUserRequest { user_id: bob.user_id.clone(), wait_for_verifiers: wait };
    assert_eq!(admin.disable_user(root.attach(message)).await.unwrap().into_inner().verifiers_pending, 1);

    let message = pb::DeleteUserRequest {
        user_id: bob.user_id,
        current_password: String::new(),
        wait_for_verifiers: wait,
    };
    let deleted = auth.delete_user(root.attach(message)).await.unwrap().into_inner();
    assert_eq!((deleted.verifiers_pending, deleted.pending_verifiers), (1, vec!["orders-1".to_owned()]));

    let message = pb::RevokeKeyRequest { key_id: String::new(), all: true, wait_for_verifiers: wait };
    assert_eq!(admin.revoke_key(root.attach(message)).await.unwrap().into_inner().verifiers_pending, 1);
}

#[tokio::test]
async fn nobody_waits_for_a_verifier_that_has_said_goodbye_or_come_back() {
    let scene = scene().await;
    let tokens = alice(&scene).await;
    let mut watcher = scene.watch().await;
    watcher.told().await;
    watcher.say_goodbye().await;
    assert_eq!(revoke(&scene, &tokens.token, 10).await.await.unwrap(), 0);

    // The same process comes back: one lease, and its word counts.
    let tokens = scene.client.open("alice", PASSWORD).await;
    let again = pb::VerifierHello { run_id: vec![7; 16], ..hello("orders-1") };
    let mut lost = scene.watch_with(again.clone()).await.unwrap();
    let resume = lost.told().await.heartbeat.position;
    let mut back = scene.watch_with(pb::VerifierHello { resume, ..again }).await.unwrap();
    back.told().await;
    assert!(lost.next().await.unwrap().is_err(), "the stream that was lost is dropped");
    let answer = revoke(&scene, &tokens.token, 10).await;
    back.apply(1).await;
    assert_eq!(answer.await.unwrap(), 0);
}

#[tokio::test]
async fn a_verifier_whose_lease_has_ended_is_not_waited_for() {
    let scene = scene().await;
    let tokens = alice(&scene).await;
    let short = pb::VerifierHello { max_staleness: seconds(2), ..hello("orders-1") };
    let mut watcher = scene.watch_with(short).await.unwrap();
    watcher.told().await;
    // Its stream is lost, and a second later it accepts nothing any more: long before the ten that the answer would wait.
    drop(watcher);
    assert_eq!(revoke(&scene, &tokens.token, 10).await.await.unwrap(), 0);
}

#[tokio::test]
async fn a_verifier_that_has_nothing_yet_may_say_so_and_is_kept() {
    let scene = scene().await;
    let short = pb::VerifierHello { max_staleness: seconds(2), ..hello("orders-1") };
    let mut watcher = scene.watch_with(short).await.unwrap();
    // Longer than it may be silent.
    for nonce in 2..6 {
        watcher.send(Message::Report(pb::VerifierReport { applied: None, nonce })).await;
        watcher.told_until(nonce).await;
    }
    let tokens = alice(&scene).await;
    let answer = revoke(&scene, &tokens.token, 1).await;
    assert_eq!(answer.await.unwrap(), 1, "it has applied nothing");
}

#[tokio::test]
async fn a_verifier_that_goes_on_by_signatures_is_waited_for_until_tokens_have_expired() {
    let scene = scene().await;
    let tokens = alice(&scene).await;
    let goes_on = pb::VerifierHello { max_staleness: seconds(2), accepts_signed: true, ..hello("orders-1") };
    let mut watcher = scene.watch_with(goes_on).await.unwrap();
    watcher.told().await;
    // Its stream ends after two seconds of silence, and it accepts the token all the same.
    assert_eq!(watcher.end().await.0, Code::DeadlineExceeded);
    assert_eq!(revoke(&scene, &tokens.token, 1).await.await.unwrap(), 1);
    let mut admin = pb::admin_service_client::AdminServiceClient::new(scene.server.channel().await);
    let root = scene.client.sign_in("root", PASSWORD).await;
    let request = Credentials::Bearer(&root).attach(pb::ListVerifiersRequest {});
    let listed = admin.list_verifiers(request).await.unwrap().into_inner().verifiers;
    let (since, until) = (listed[0].connect_time.unwrap(), listed[0].lease_expire_time.unwrap());
    assert!(listed[0].accepts_signed && !listed[0].connected);
    assert!(until.seconds - since.seconds >= 3_600, "the longest token lives for an hour");
}

#[tokio::test]
async fn a_verifier_that_says_nothing_is_asked_to_go() {
    let scene = scene().await;
    let short = pb::VerifierHello { max_staleness: seconds(2), ..hello("orders-1") };
    let mut watcher = scene.watch_with(short).await.unwrap();
    assert_eq!(watcher.end().await, (Code::DeadlineExceeded, "DEADLINE_EXCEEDED".to_owned()));
}

#[tokio::test]
async fn a_wait_has_its_bounds() {
    let scene = scene().await;
    let tokens = alice(&scene).await;
    let mut service = AuthServiceClient::new(scene.server.channel().await);
    for wait in [seconds(11), seconds(-1), Some(prost_types::Duration { seconds: 1, nanos: -1 })] {
        let message = pb::RevokeTokenRequest { token: tokens.token.clone(), wait_for_verifiers: wait };
        let refusal = service.revoke_token(message).await.unwrap_err();
        assert_eq!(refused(&refusal), Refused::field("wait_for_verifiers"));
    }
    // Nothing has happened.
    scene.client.greet(Credentials::Bearer(&tokens.token)).await.unwrap();

    // The call's own deadline ends the wait and not the answer.
    scene.watch().await.told().await;
    let message = pb::RevokeTokenRequest { token: tokens.token, wait_for_verifiers: seconds(10) };
    let mut request = tonic::Request::new(message);
    request.set_timeout(Duration::from_secs(1));
    assert_eq!(service.revoke_token(request).await.unwrap().into_inner().verifiers_pending, 1);
}

#[tokio::test]
async fn admins_see_who_watches_and_how_far_each_is() {
    let scene = scene().await;
    let tokens = alice(&scene).await;
    let mut present = scene.watch_with(hello("a")).await.unwrap();
    present.told().await;
    let channel = scene.server.channel().await;
    let mut absent =
        Watcher::begin(channel.clone(), Credentials::Bearer(&scene.token), hello("b")).await.unwrap();
    let position = absent.told().await.heartbeat.position.unwrap();
    absent.report(position.clone(), 3).await;
    absent.told_until(3).await;
    drop(absent);
    scene.client.revoke_token(&tokens.token).await.unwrap();

    let mut admin = pb::admin_service_client::AdminServiceClient::new(channel);
    let root = scene.client.sign_in("root", PASSWORD).await;
    let answer = loop {
        let request = Credentials::Bearer(&root).attach(pb::ListVerifiersRequest {});
        let answer = admin.list_verifiers(request).await.unwrap().into_inner();
        // That a connection is gone is noticed when it is.
        if !answer.verifiers[1].connected {
            break answer;
        }
    };
    assert_eq!(answer.position.unwrap().sequence, position.sequence + 1);
    let [a, b] = &answer.verifiers[..] else { panic!("{:?}", answer.verifiers) };
    assert_eq!((&*a.instance, a.connected, a.behind), ("a", true, position.sequence + 1));
    assert_eq!((&*b.instance, b.behind, b.applied.as_ref()), ("b", 1, Some(&position)));
    assert_eq!((&*b.user_id, &*b.peer), (&*scene.verifier.user_id, "127.0.0.1"));
    assert_eq!(b.max_staleness, seconds(30));
}
