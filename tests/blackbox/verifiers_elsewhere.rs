//! Waiting for verifiers that watch another replica of one database server than the one that is asked to revoke.

use std::time::Duration;

use countersign::pb::auth::v1 as pb;
use countersign::pb::auth::v1::admin_service_client::AdminServiceClient;
use countersign::pb::auth::v1::auth_service_client::AuthServiceClient;
use tokio::task::JoinHandle;

use super::watch_trust::{Scene, scene};
use crate::harness::{Binary, Credentials, PASSWORD, TestServer, Watcher, hello, on_postgres, seconds};

/// How long replicas may take to find something out before a test gives up on it.
const PATIENCE: Duration = Duration::from_secs(60);

/// Two replicas; on SQLite, whose file one process has, there is nothing to see.
async fn replicas() -> Option<(Scene, TestServer)> {
    if !on_postgres() {
        return None;
    }
    let scene = scene().await;
    let replica = scene.server.replica().await;
    Some((scene, replica))
}

/// A verifier that can be told from others when it is back.
fn process(instance: &str, resume: Option<pb::TrustPosition>) -> pb::VerifierHello {
    pb::VerifierHello { run_id: instance.repeat(2).into_bytes(), resume, ..hello(instance) }
}

/// Watches, and says that it has applied everything. Up to where that is.
async fn watch(scene: &Scene, at: &TestServer, hello: pb::VerifierHello) -> (Watcher, pb::TrustPosition) {
    let credentials = Credentials::Bearer(&scene.token);
    let mut watcher = Watcher::begin(at.channel().await, credentials, hello).await.unwrap();
    let position = watcher.told().await.heartbeat.position.unwrap();
    watcher.report(position.clone(), 1).await;
    watcher.told_until(1).await;
    (watcher, position)
}

/// Ends a user's sessions by an admin's word.
async fn revoke(scene: &Scene, at: &TestServer, wait: i64) -> JoinHandle<pb::RevokeAllSessionsResponse> {
    let channel = at.channel().await;
    let (root, user_id) = (scene.client.sign_in("root", PASSWORD).await, alice(scene).await);
    tokio::spawn(async move {
        let message =
            pb::RevokeAllSessionsRequest { user_id, keep_current: false, wait_for_verifiers: seconds(wait) };
        let call = Credentials::Bearer(&root).attach(message);
        AuthServiceClient::new(channel).revoke_all_sessions(call).await.unwrap().into_inner()
    })
}

/// A user with a session that can be ended.
async fn alice(scene: &Scene) -> String {
    // Who is there already may come again.
    let _there_already = scene.client.create_user("alice", PASSWORD).await;
    let token = scene.client.sign_in("alice", PASSWORD).await;
    scene.client.get_user(Credentials::Bearer(&token), "me").await.unwrap().user_id
}

#[tokio::test]
async fn whoever_revokes_at_one_replica_waits_for_the_verifiers_of_all() {
    let Some((scene, replica)) = replicas().await else { return };
    let (mut here, _) = watch(&scene, &scene.server, process("orders-1", None)).await;
    let (mut there, _) = watch(&scene, &replica, process("stock-01", None)).await;
    for at in [&scene.server, &replica] {
        let (near, far) =
            if at.address == replica.address { (&mut there, &mut here) } else { (&mut here, &mut there) };
        let answer = revoke(&scene, at, 10).await;
        near.apply(2).await;
        // It cannot be over: the one elsewhere has said nothing.
        assert!(!answer.is_finished());
        far.apply(2).await;
        let answer = answer.await.unwrap();
        assert_eq!((answer.verifiers_pending, answer.pending_verifiers.len()), (0, 0));
    }
}

#[tokio::test]
async fn a_verifier_of_another_replica_that_does_not_apply_it_is_counted_and_admins_learn_its_name() {
    let Some((scene, replica)) = replicas().await else { return };
    let (mut quick, _) = watch(&scene, &replica, process("orders-1", None)).await;
    let (_slow, _) = watch(&scene, &replica, process("stock-01", None)).await;
    let answer = revoke(&scene, &scene.server, 2).await;
    quick.apply(2).await;
    let answer = answer.await.unwrap();
    assert_eq!((answer.verifiers_pending, &*answer.pending_verifiers), (1, &["stock-01".to_owned()][..]));

    let token = scene.client.sign_in("alice", PASSWORD).await;
    let message = pb::RevokeTokenRequest { token, wait_for_verifiers: seconds(1) };
    let answer = AuthServiceClient::new(scene.server.channel().await).revoke_token(message).await;
    assert_eq!(answer.unwrap().into_inner().verifiers_pending, 2);
}

#[tokio::test]
async fn a_verifier_that_says_goodbye_to_another_replica_is_not_waited_for() {
    let Some((scene, replica)) = replicas().await else { return };
    let (watcher, _) = watch(&scene, &replica, process("orders-1", None)).await;
    watcher.say_goodbye().await;
    assert_eq!(revoke(&scene, &scene.server, 10).await.await.unwrap().verifiers_pending, 0);
}

#[tokio::test]
async fn a_verifier_that_is_lost_is_waited_for_everywhere_and_once_it_is_back_only_there() {
    let Some((scene, replica)) = replicas().await else { return };
    let (watcher, position) = watch(&scene, &replica, process("orders-1", None)).await;
    drop(watcher);
    for at in [&scene.server, &replica] {
        let answer = revoke(&scene, at, 1).await.await.unwrap();
        assert_eq!((answer.verifiers_pending, &*answer.pending_verifiers), (1, &["orders-1".to_owned()][..]));
    }
    // It is back at the other one, and knows what it knew.
    let hello = process("orders-1", Some(position));
    let mut watcher =
        Watcher::begin(scene.server.channel().await, Credentials::Bearer(&scene.token), hello).await.unwrap();
    assert_eq!(revoke(&scene, &replica, 1).await.await.unwrap().verifiers_pending, 1);
    let applying = tokio::spawn(async move {
        for nonce in 2.. {
            let position = watcher.told().await.heartbeat.position.unwrap();
            watcher.report(position, nonce).await;
        }
    });
    for at in [&scene.server, &replica] {
        assert_eq!(revoke(&scene, at, 10).await.await.unwrap().verifiers_pending, 0);
    }
    applying.abort();
}

/// Waits until nobody watches a replica any more, as far as that one knows.
async fn until_nobody_is_at(replica: &TestServer, scene: &Scene) {
    let mut admin = AdminServiceClient::new(replica.channel().await);
    let root = scene.client.sign_in("root", PASSWORD).await;
    let asking = async {
        loop {
            let call = Credentials::Bearer(&root).attach(pb::ListVerifiersRequest {});
            if admin.list_verifiers(call).await.unwrap().into_inner().verifiers.is_empty() {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, asking).await.expect("its lease is let go");
}

#[tokio::test]
async fn a_verifier_that_is_back_elsewhere_before_it_is_missed_is_waited_for_there() {
    let Some((scene, replica)) = replicas().await else { return };
    let (old, position) = watch(&scene, &replica, process("orders-1", None)).await;
    let (mut new, _) = watch(&scene, &scene.server, process("orders-1", Some(position))).await;
    drop(old);
    until_nobody_is_at(&replica, &scene).await;
    let answer = revoke(&scene, &replica, 1).await.await.unwrap();
    assert_eq!((answer.verifiers_pending, &*answer.pending_verifiers), (1, &["orders-1".to_owned()][..]));
    new.apply(2).await;
    let answer = revoke(&scene, &replica, 10).await;
    new.apply(2).await;
    assert_eq!(answer.await.unwrap().verifiers_pending, 0);
}

/// As a replica whose clock is far ahead might do.
#[tokio::test]
async fn verifiers_that_were_forgotten_by_mistake_are_told_of_again() {
    let Some((scene, replica)) = replicas().await else { return };
    let (_watcher, _) = watch(&scene, &replica, process("orders-1", None)).await;
    scene.server.execute_sql("DELETE FROM verifier_leases").await;
    scene.server.execute_sql("DELETE FROM replicas").await;
    let telling =
        async { while revoke(&scene, &scene.server, 1).await.await.unwrap().verifiers_pending == 0 {} };
    tokio::time::timeout(PATIENCE, telling).await.expect("it is told of again");
}

#[tokio::test]
async fn the_verifiers_of_a_replica_that_was_killed_are_waited_for_until_they_are_back() {
    if !on_postgres() {
        return;
    }
    let first = Binary::start(&[]);
    let second = Binary::start_beside(&first, &[]);
    let token = verifier_at(&first).await;
    let watch = async |at: &Binary, hello| {
        let mut watcher =
            Watcher::begin(at.channel().await, Credentials::Bearer(&token), hello).await.unwrap();
        let position = watcher.told().await.heartbeat.position.unwrap();
        watcher.report(position.clone(), 1).await;
        watcher.told_until(1).await;
        (watcher, position)
    };
    let (_back, position) = watch(&second, process("orders-1", None)).await;
    let (_gone, _) = watch(&second, process("stock-01", None)).await;
    second.signal(rustix::process::Signal::KILL);
    drop(second);
    let client = first.client().await;
    client.create_user("alice", PASSWORD).await.unwrap();
    let revoke = async |wait| {
        let token = client.sign_in("alice", PASSWORD).await;
        let message = pb::RevokeTokenRequest { token, wait_for_verifiers: seconds(wait) };
        let answer = AuthServiceClient::new(first.channel().await).revoke_token(message).await.unwrap();
        answer.into_inner().verifiers_pending
    };
    assert_eq!(revoke(1).await, 2);
    let _back = watch(&first, process("orders-1", Some(position))).await;
    assert_eq!(revoke(1).await, 2, "one has not said that it has applied this, the other is not back");
}

/// The token of a user who may watch, made at `server`.
async fn verifier_at(server: &Binary) -> String {
    let made = server.run(
        &[
            "user",
            "create",
            "--username",
            "orders",
            "--role",
            "verifier",
            "--argon2-memory-kib",
            "64",
            "--argon2-passes",
            "1",
        ],
        &format!("{PASSWORD}\n"),
    );
    assert!(made.status.success(), "{made:?}");
    server.client().await.sign_in("orders", PASSWORD).await
}
