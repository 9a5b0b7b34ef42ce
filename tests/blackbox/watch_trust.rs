//! The stream that tells verifiers what is revoked: what comes, and in which order.

use std::time::Duration;

use countersign::pb::auth::v1 as pb;
use countersign::pb::auth::v1::revocation::Revoked;
use countersign::pb::auth::v1::watch_trust_response::Frame;
use tonic::{Code, Status};

use crate::harness::{AdminClient, Client, Credentials, PASSWORD, TestServer, Watcher, ended, hello};

pub struct Scene {
    pub server: TestServer,
    pub client: Client,
    pub admin: AdminClient,
    pub verifier: pb::User,
    pub token: String,
}

/// A server with an admin and a user who may watch.
pub async fn scene() -> Scene {
    let server = TestServer::start().await;
    let (client, admin) = (server.client().await, server.admin("root").await);
    let verifier = client.create_user("orders", PASSWORD).await.unwrap();
    admin.set_roles(&verifier.user_id, &["verifier"]).await.unwrap();
    let token = client.sign_in("orders", PASSWORD).await;
    Scene { server, client, admin, verifier, token }
}

impl Scene {
    pub async fn watch(&self) -> Watcher {
        self.watch_with(hello("orders-1")).await.unwrap()
    }

    pub async fn watch_with(&self, hello: pb::VerifierHello) -> Result<Watcher, Status> {
        Watcher::begin(self.server.channel().await, Credentials::Bearer(&self.token), hello).await
    }

    pub async fn refusal(&self, hello: pb::VerifierHello) -> (Code, String) {
        ended(&self.watch_with(hello).await.map(|_| ()).unwrap_err())
    }

    async fn restart(self) -> Self {
        let Self { server, verifier, token, .. } = self;
        let server = server.restart_with(|_| {}).await;
        let client = server.client().await;
        let admin = AdminClient::new(server.channel().await, &client.sign_in("root", PASSWORD).await);
        Self { server, client, admin, verifier, token }
    }
}

pub fn revoked(code: Code, reason: &str) -> (Code, String) {
    (code, reason.to_owned())
}

fn sessions_of(revocations: &[pb::Revocation]) -> Vec<&str> {
    let session = |revocation: &'_ pb::Revocation| match revocation.revoked.as_ref().unwrap() {
        Revoked::Session(session) => Some(session.session_id.clone()),
        _ => None,
    };
    let sessions: Vec<String> = revocations.iter().filter_map(session).collect();
    sessions.into_iter().map(|id| &*id.leak()).collect()
}

#[tokio::test]
async fn a_verifier_hears_the_keys_then_what_is_revoked_then_that_nothing_is_missing() {
    let scene = scene().await;
    scene.client.create_user("alice", PASSWORD).await.unwrap();
    let ended = scene.client.open("alice", PASSWORD).await;
    scene.client.revoke_token(&ended.token).await.unwrap();
    let mut watcher = scene.watch_with(pb::VerifierHello { nonce: 7, ..hello("orders-1") }).await.unwrap();

    let Some(Ok(Frame::KeySet(keys))) = watcher.next().await else { panic!("the keys come first") };
    assert_eq!(keys.keys.len(), 2, "the active key and the next one");
    let Some(Ok(Frame::Snapshot(snapshot))) = watcher.next().await else { panic!("then a snapshot") };
    // A new verifier was given its role, which raised its epoch, but it had no tokens yet.
    assert_eq!(sessions_of(&snapshot.revocations), [&*ended.session_id]);
    assert!(snapshot.last);
    let position = snapshot.position.unwrap();
    assert_eq!(position.incarnation.len(), 16);
    let Some(Ok(Frame::Heartbeat(heartbeat))) = watcher.next().await else { panic!("then a heartbeat") };
    assert_eq!((heartbeat.nonce, heartbeat.position), (7, Some(position.clone())));
    assert_eq!(heartbeat.server_time.unwrap().seconds, 1_767_225_600);

    watcher.report(position, 8).await;
    let told = watcher.told_until(8).await;
    assert!(told.key_sets.is_empty() && told.revocations.is_empty() && told.snapshots == 0, "{told:?}");
}

#[tokio::test]
async fn each_kind_of_revocation_comes_with_what_it_hits_and_nothing_else() {
    let scene = scene().await;
    let alice = scene.client.create_user("alice", PASSWORD).await.unwrap();
    let tokens = scene.client.open("alice", PASSWORD).await;
    let second = scene.client.open("alice", PASSWORD).await;
    let mut watcher = scene.watch().await;
    let before = watcher.told().await.heartbeat.position.unwrap();

    scene.client.revoke_token(&tokens.token).await.unwrap();
    let of_session = &watcher.revocations().await[0];
    assert_eq!(of_session.sequence, before.sequence + 1);
    let session = pb::RevokedSession { session_id: tokens.session_id, user_id: alice.user_id.clone() };
    assert_eq!(of_session.revoked, Some(Revoked::Session(session)));
    // Its tokens expire after ten minutes, by full seconds; a minute more.
    assert_eq!(of_session.forget_time.unwrap().seconds, 1_767_225_600 + 660);

    scene.admin.set_roles(&alice.user_id, &["buyer"]).await.unwrap();
    let user = pb::RevokedUser { user_id: alice.user_id.clone(), below_epoch: 2 };
    assert_eq!(watcher.revocations().await[0].revoked, Some(Revoked::User(user)));

    let key = scene.client.caller(Credentials::Bearer(&scene.token)).await.key_id;
    scene.admin.revoke_key(&key).await.unwrap();
    let told = watcher.revocations().await;
    assert_eq!(told[0].revoked, Some(Revoked::KeyId(key)));
    assert_eq!(told[0].sequence, before.sequence + 3);
    drop(second);
}

#[tokio::test]
async fn who_resumes_hears_what_it_missed_and_no_more() {
    let scene = scene().await;
    scene.client.create_user("alice", PASSWORD).await.unwrap();
    let mut sessions = Vec::new();
    for _ in 0..3 {
        sessions.push(scene.client.open("alice", PASSWORD).await);
    }
    scene.client.revoke_token(&sessions[0].token).await.unwrap();
    let mut watcher = scene.watch().await;
    let resume = watcher.told().await.heartbeat.position;
    drop(watcher);
    scene.client.revoke_token(&sessions[1].token).await.unwrap();
    scene.client.revoke_token(&sessions[2].token).await.unwrap();

    let mut watcher = scene.watch_with(pb::VerifierHello { resume, ..hello("orders-1") }).await.unwrap();
    let told = watcher.told().await;
    assert_eq!(told.snapshots, 0);
    assert_eq!(sessions_of(&told.revocations), [&*sessions[1].session_id, &*sessions[2].session_id]);
    assert_eq!(told.key_sets.len(), 1);
}

#[tokio::test]
async fn a_server_that_starts_tells_everything_anew_because_its_database_may_be_an_older_copy() {
    let scene = scene().await;
    scene.client.create_user("alice", PASSWORD).await.unwrap();
    let known = scene.client.open("alice", PASSWORD).await;
    let later = scene.client.open("alice", PASSWORD).await;
    scene.client.revoke_token(&known.token).await.unwrap();
    let resume = scene.watch().await.told().await.heartbeat.position;
    // The copy knows nothing of it, and gives its number to another revocation.
    scene.server.execute_sql("DELETE FROM revocations").await;
    scene.server.execute_sql("UPDATE trust_counter SET sequence = 0").await;
    let scene = scene.restart().await;
    scene.client.revoke_token(&later.token).await.unwrap();
    let mut watcher = scene.watch_with(pb::VerifierHello { resume, ..hello("orders-1") }).await.unwrap();
    let told = watcher.told().await;
    assert_eq!((told.snapshots, sessions_of(&told.revocations)), (1, vec![&*later.session_id]));
}

#[tokio::test]
async fn what_has_long_expired_is_not_told() {
    let scene = scene().await;
    scene.client.create_user("alice", PASSWORD).await.unwrap();
    let tokens = scene.client.open("alice", PASSWORD).await;
    scene.client.revoke_token(&tokens.token).await.unwrap();
    // The token is over, a minute of grace too, and the server has started since.
    scene.server.clock.advance(Duration::from_secs(661));
    let scene = scene.restart().await;
    // A clock is believed ten minutes after the start: it may be wrong until then.
    scene.server.clock.advance(Duration::from_secs(601));
    let scene = Scene { token: scene.client.sign_in("orders", PASSWORD).await, ..scene };
    let telling = async { while !scene.watch().await.told().await.revocations.is_empty() {} };
    tokio::time::timeout(Duration::from_secs(30), telling).await.expect("it is forgotten");
}

#[tokio::test]
async fn a_log_of_another_incarnation_is_told_from_its_beginning() {
    let scene = scene().await;
    let mut watcher = scene.watch().await;
    let resume = watcher.told().await.heartbeat.position;
    // As after a restored backup, behind the running server's back.
    scene
        .server
        .execute_sql("UPDATE trust_counter SET incarnation = x'00112233445566778899aabbccddeeff'")
        .await;
    let mut told = watcher.told().await;
    while told.snapshots == 0 {
        told = watcher.told().await;
    }
    let position = told.heartbeat.position.unwrap();
    assert_eq!(position.incarnation[..2], [0x00, 0x11]);
    drop(watcher);

    let mut watcher = scene.watch_with(pb::VerifierHello { resume, ..hello("orders-1") }).await.unwrap();
    let told = watcher.told().await;
    assert_eq!((told.snapshots, told.heartbeat.position), (1, Some(position)));
}

#[tokio::test]
async fn a_log_that_goes_back_becomes_another_incarnation() {
    let scene = scene().await;
    scene.client.create_user("alice", PASSWORD).await.unwrap();
    let tokens = scene.client.open("alice", PASSWORD).await;
    scene.client.revoke_token(&tokens.token).await.unwrap();
    let mut watcher = scene.watch().await;
    let before = watcher.told().await.heartbeat.position.unwrap();
    scene.server.execute_sql("UPDATE trust_counter SET sequence = 0").await;
    scene.server.execute_sql("DELETE FROM revocations").await;
    let mut told = watcher.told().await;
    while told.snapshots == 0 {
        told = watcher.told().await;
    }
    let after = told.heartbeat.position.unwrap();
    assert_ne!(after.incarnation, before.incarnation);
    assert_eq!((after.sequence, told.revocations.len()), (0, 0));
}

#[tokio::test]
async fn a_server_that_knows_less_than_the_verifier_says_so() {
    let scene = scene().await;
    let mut position = scene.watch().await.told().await.heartbeat.position.unwrap();
    position.sequence += 1;
    let refusal = scene.refusal(pb::VerifierHello { resume: Some(position), ..hello("orders-1") }).await;
    assert_eq!(refusal, revoked(Code::Unavailable, "STORE_UNAVAILABLE"));
}

#[tokio::test]
async fn new_keys_come_before_the_old_ones_are_revoked_and_before_the_stream_ends() {
    let scene = scene().await;
    let mut watcher = scene.watch().await;
    let old = watcher.told().await.key_sets.remove(0);
    let everything = scene.admin.revoke_key("").await.unwrap();
    let frame = loop {
        match watcher.next().await.unwrap().unwrap() {
            Frame::Heartbeat(_) => {}
            frame => break frame,
        }
    };
    let Frame::KeySet(new) = frame else { panic!("{frame:?}") };
    assert_eq!(new.keys, everything);
    let Some(Ok(Frame::Revocations(frame))) = watcher.next().await else { panic!("then the old ones' end") };
    assert_eq!(frame.revocations.len(), old.len());
    assert_eq!(watcher.end().await, revoked(Code::Unauthenticated, "TOKEN_REVOKED"));
}

#[tokio::test]
async fn a_rotation_is_told_before_the_key_signs() {
    let scene = scene().await;
    let mut watcher = scene.watch().await;
    let first = watcher.told().await.key_sets.remove(0);
    scene.server.clock.advance(Duration::from_secs(600));
    let admin = AdminClient::new(scene.server.channel().await, &scene.client.sign_in("root", PASSWORD).await);
    let position = watcher.told().await.heartbeat.position.unwrap();
    admin.rotate_key().await.unwrap();
    // A heartbeat that was made after the rotation comes after its key set.
    watcher.report(position.clone(), 11).await;
    let mut told = watcher.told_until(11).await;
    let keys = told.key_sets.remove(0);
    let key = scene.client.caller(Credentials::Bearer(&scene.client.sign_in("orders", PASSWORD).await)).await;
    assert!(first.iter().any(|known| known.key_id == key.key_id), "it was known before it signed");
    assert_eq!(keys.len(), 3, "retired, active and the next one");

    scene.server.clock.advance(Duration::from_secs(600));
    let admin = AdminClient::new(scene.server.channel().await, &scene.client.sign_in("root", PASSWORD).await);
    admin.rotate_key().await.unwrap();
    watcher.report(position, 12).await;
    let told = watcher.told_until(12).await;
    assert_eq!(told.key_sets.len(), 1, "and the second time too");
}

/// As if so many sessions of so many users had ended, behind the server's back.
async fn fill_the_log(scene: &Scene, count: i64) {
    let known = scene.server.query_number("SELECT sequence FROM trust_counter").await;
    let rows: Vec<_> = (1..=count)
        .map(|i| format!("({}, 2, x'{i:032x}', x'{:032x}', 9999999999999)", known + i, count + i))
        .collect();
    let insert = "INSERT INTO revocations (sequence, kind, user_id, session_id, forget_at) VALUES";
    scene.server.execute_sql(&format!("{insert} {}", rows.join(", "))).await;
    scene.server.execute_sql(&format!("UPDATE trust_counter SET sequence = {known} + {count}")).await;
}

#[tokio::test]
async fn a_long_log_is_told_in_parts_and_is_complete_with_the_last_one() {
    let scene = scene().await;
    let before = scene.watch().await.told().await.heartbeat.position.unwrap();
    fill_the_log(&scene, 2_450).await;
    let mut first = scene.watch().await;
    while first.told().await.heartbeat.position.unwrap().sequence < before.sequence + 2_450 {}

    let mut watcher = scene.watch().await;
    let mut parts = Vec::new();
    loop {
        match watcher.next().await.unwrap().unwrap() {
            Frame::KeySet(_) => {}
            Frame::Snapshot(part) => parts.push(part),
            Frame::Heartbeat(heartbeat) => {
                assert_eq!(heartbeat.position.unwrap().sequence, before.sequence + 2_450);
                break;
            }
            Frame::Revocations(frame) => panic!("{frame:?}"),
        }
    }
    assert_eq!(
        parts.iter().map(|part| part.revocations.len()).collect::<Vec<_>>(),
        [[250; 9].as_slice(), &[200]].concat()
    );
    assert_eq!(
        parts.iter().map(|part| part.last).collect::<Vec<_>>(),
        [[false; 9].as_slice(), &[true]].concat()
    );
    let (last, others) = parts.split_last().unwrap();
    assert!(others.iter().all(|part| part.position.is_none()));
    assert_eq!(last.position.as_ref().unwrap().sequence, before.sequence + 2_450);

    let resume = Some(before.clone());
    let mut watcher = scene.watch_with(pb::VerifierHello { resume, ..hello("orders-1") }).await.unwrap();
    let mut complete = Vec::new();
    while complete.len() < 10 {
        if let Frame::Revocations(frame) = watcher.next().await.unwrap().unwrap() {
            complete.push(frame.sequence - before.sequence);
        }
    }
    assert_eq!(complete, [0, 0, 0, 0, 0, 0, 0, 0, 0, 2_450], "nothing is complete before the last");
}

#[tokio::test]
async fn what_another_server_revokes_is_told_here_with_its_new_keys_first() {
    let scene = scene().await;
    let replica = scene.server.replica().await;
    let admin = AdminClient::new(replica.channel().await, &scene.client.sign_in("root", PASSWORD).await);
    scene.client.create_user("alice", PASSWORD).await.unwrap();
    let tokens = scene.client.open("alice", PASSWORD).await;
    let bearer = Credentials::Bearer(&scene.token);
    let mut there = Watcher::begin(replica.channel().await, bearer, hello("there")).await.unwrap();
    let incarnation = there.told().await.heartbeat.position.unwrap().incarnation;
    let mut watcher = scene.watch().await;
    // The other one has begun a new life of the log when it started.
    while watcher.told().await.heartbeat.position.unwrap().incarnation != incarnation {}

    replica.client().await.revoke_token(&tokens.token).await.unwrap();
    assert_eq!(sessions_of(&watcher.revocations().await), [&*tokens.session_id]);

    let everything = admin.revoke_key("").await.unwrap();
    let frame = loop {
        match watcher.next().await.unwrap().unwrap() {
            Frame::Heartbeat(_) => {}
            frame => break frame,
        }
    };
    let Frame::KeySet(new) = frame else { panic!("{frame:?}") };
    assert_eq!(new.keys, everything);
    assert!(matches!(watcher.next().await, Some(Ok(Frame::Revocations(_)))));
    replica.stop().await;
}
