//! Signing keys: the key set, rotation, revocation, and tokens that others ask about.

use std::time::Duration;

use countersign::pb::auth::v1 as pb;
use countersign::pb::auth::v1::trust_service_client::TrustServiceClient;
use tonic::Response;
use tonic::transport::Channel;

use crate::harness::{AdminClient, Client, Credentials, PASSWORD, Refused, TestServer, refused};

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(86_400);

struct Trust(TrustServiceClient<Channel>);

impl Trust {
    async fn of(server: &TestServer) -> Self {
        Self(TrustServiceClient::new(server.channel().await))
    }

    async fn keys(&self) -> Vec<pb::VerificationKey> {
        let answer = self.0.clone().get_key_set(pb::GetKeySetRequest {}).await.unwrap().into_inner();
        assert_eq!(answer.max_age.unwrap().seconds, 300);
        answer.keys
    }

    async fn verify(
        &self,
        credentials: Credentials<'_>,
        token: &str,
        audience: &str,
    ) -> Result<pb::VerifyTokenResponse, Refused> {
        let message = pb::VerifyTokenRequest { token: token.to_owned(), audience: audience.to_owned() };
        let answer = self.0.clone().verify_token(credentials.attach(message)).await;
        answer.map(Response::into_inner).map_err(|status| refused(&status))
    }
}

fn states(keys: &[pb::VerificationKey]) -> Vec<pb::KeyState> {
    keys.iter().map(pb::VerificationKey::state).collect()
}

async fn key_of(client: &Client, token: &str) -> String {
    client.caller(Credentials::Bearer(token)).await.key_id
}

async fn start() -> (TestServer, Client, AdminClient, Trust) {
    let server = TestServer::start().await;
    let (client, admin, trust) =
        (server.client().await, server.admin("root").await, Trust::of(&server).await);
    client.create_user("alice", PASSWORD).await.unwrap();
    (server, client, admin, trust)
}

#[tokio::test]
async fn the_key_set_names_the_key_that_signs_and_the_one_to_come() {
    let (_server, client, _admin, trust) = start().await;
    let keys = trust.keys().await;
    assert_eq!(states(&keys), [pb::KeyState::Active, pb::KeyState::Next]);
    assert!(keys.iter().all(|key| key.key.starts_with("k4.public.") && key.key_id.starts_with("k4.pid.")));
    assert_eq!(keys[0].sign_until, keys[1].sign_from);
    let token = client.sign_in("alice", PASSWORD).await;
    assert_eq!(key_of(&client, &token).await, keys[0].key_id);
}

#[tokio::test]
async fn keys_take_over_by_themselves_and_nobody_notices() {
    let (server, client, _admin, trust) = start().await;
    let first = trust.keys().await;
    let mut token = client.open("alice", PASSWORD).await;
    let mut signed = Vec::new();
    for day in 0..70 {
        server.clock.advance(DAY);
        let refreshed = client.refresh(&token.refresh_token, &[day; 16]).await;
        token = match refreshed {
            Ok(refreshed) => pb::IssueTokenResponse {
                token: refreshed.token,
                refresh_token: refreshed.refresh_token,
                ..token
            },
            // Its absolute limit.
            Err(_) => client.open("alice", PASSWORD).await,
        };
        signed.push(key_of(&client, &token.token).await);
    }
    signed.dedup();
    assert_eq!(signed.len(), 3, "a key signs for 30 days");
    assert_eq!((&signed[0], &signed[1]), (&first[0].key_id, &first[1].key_id));
}

#[tokio::test]
async fn a_service_that_slept_for_a_year_signs_again_at_once() {
    let (server, client, _admin, trust) = start().await;
    server.clock.advance(DAY * 365);
    let token = client.sign_in("alice", PASSWORD).await;
    client.greet(Credentials::Bearer(&token)).await.unwrap();
    assert_eq!(states(&trust.keys().await), [pb::KeyState::Active, pb::KeyState::Next]);
}

#[tokio::test]
async fn a_rotation_by_hand_waits_until_verifiers_know_the_next_key() {
    let (server, client, admin, trust) = start().await;
    let before = trust.keys().await;
    let old = client.sign_in("alice", PASSWORD).await;
    server.clock.advance(MINUTE);
    let told = admin.rotate_key().await.unwrap();
    assert_eq!(told.rotate_time.unwrap().seconds, 1_767_225_600 + 600, "ten minutes after it was published");
    let token = client.sign_in("alice", PASSWORD).await;
    assert_eq!(key_of(&client, &token).await, before[0].key_id, "not yet");
    server.clock.advance(9 * MINUTE);
    let token = client.sign_in("alice", PASSWORD).await;
    assert_eq!(key_of(&client, &token).await, before[1].key_id);
    let keys = trust.keys().await;
    assert_eq!(states(&keys), [pb::KeyState::Retired, pb::KeyState::Active, pb::KeyState::Next]);
    server.clock.advance(Duration::from_secs(1));
    let refused = client.greet(Credentials::Bearer(&old)).await.unwrap_err();
    assert_eq!(refused, Refused::unauthenticated("TOKEN_EXPIRED"), "its key is known, and its time is over");
    let admin = AdminClient::new(server.channel().await, &client.sign_in("root", PASSWORD).await);
    assert_eq!(admin.events("", pb::SecurityEventKind::KeyRotated).await.len(), 1);
}

#[tokio::test]
async fn twenty_rotations_refuse_no_token_that_is_good() {
    let (server, client, _admin, _trust) = start().await;
    let mut tokens = Vec::new();
    let mut keys = std::collections::BTreeSet::new();
    for _ in 0..20 {
        let token = client.sign_in("root", PASSWORD).await;
        let admin = AdminClient::new(server.channel().await, &token);
        keys.insert(key_of(&client, &token).await);
        admin.rotate_key().await.unwrap();
        let hour = pb::IssueTokenRequest {
            lifetime: Some(prost_types::Duration { seconds: 3600, nanos: 0 }),
            ..Default::default()
        };
        tokens.push(client.issue(Credentials::Basic("alice", PASSWORD), hour).await.unwrap().token);
        server.clock.advance(10 * MINUTE);
        for held in tokens.iter().rev().take(5) {
            client.greet(Credentials::Bearer(held)).await.unwrap();
        }
    }
    assert!(keys.len() >= 19, "{}", keys.len());
}

#[tokio::test]
async fn a_revoked_key_takes_its_tokens_with_it_here_and_at_a_replica() {
    let (server, client, admin, trust) = start().await;
    let replica = server.replica().await;
    let elsewhere = replica.client().await;
    let opened = client.open("alice", PASSWORD).await;
    elsewhere.greet(Credentials::Bearer(&opened.token)).await.unwrap();
    let before = trust.keys().await;
    let keys = admin.revoke_key(&before[0].key_id).await.unwrap();
    assert!(keys.iter().all(|key| key.key_id != before[0].key_id));
    assert_eq!(keys[0].key_id, before[1].key_id);
    assert_eq!(states(&keys), [pb::KeyState::Active, pb::KeyState::Next]);
    let revoked = Refused::unauthenticated("TOKEN_REVOKED");
    assert_eq!(client.greet(Credentials::Bearer(&opened.token)).await.unwrap_err(), revoked);
    let felt = async {
        while elsewhere.greet(Credentials::Bearer(&opened.token)).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(MINUTE, felt).await.unwrap();
    // What the replica signs from now on is good, though it has read the ring before.
    let there = elsewhere.sign_in("alice", PASSWORD).await;
    client.greet(Credentials::Bearer(&there)).await.unwrap();
    assert_eq!(key_of(&client, &there).await, before[1].key_id);
    // Whoever says it again, because the answer was lost or somebody else was quicker, is not told that it failed.
    for (to, channel) in [(&client, server.channel().await), (&elsewhere, replica.channel().await)] {
        let token = to.sign_in("root", PASSWORD).await;
        let again = AdminClient::new(channel, &token).revoke_key(&before[0].key_id).await.unwrap();
        assert_eq!(states(&again), [pb::KeyState::Active, pb::KeyState::Next]);
    }
    // The session lives on.
    let refreshed = client.refresh(&opened.refresh_token, &[1; 16]).await.unwrap();
    client.greet(Credentials::Bearer(&refreshed.token)).await.unwrap();
    let server = server.restart_with(|_| {}).await;
    let again = server.client().await.greet(Credentials::Bearer(&opened.token)).await.unwrap_err();
    assert_eq!(again, revoked, "its holder may refresh, and does so when it hears that");
}

#[tokio::test]
async fn revoking_everything_ends_everything_but_passwords() {
    let (server, client, admin, trust) = start().await;
    let opened = client.open("alice", PASSWORD).await;
    let alice = client.caller(Credentials::Bearer(&opened.token)).await.user_id;
    let code = admin.create_reset_code(&alice).await.unwrap().reset_code;
    let before = trust.keys().await;
    let keys = admin.revoke_key("").await.unwrap();
    assert!(keys.iter().all(|key| before.iter().all(|old| old.key_id != key.key_id)));
    assert!(client.greet(Credentials::Bearer(&opened.token)).await.is_err());
    let refused = client.refresh(&opened.refresh_token, &[]).await.unwrap_err();
    assert_eq!(refused, Refused::unauthenticated("TOKEN_INVALID"));
    let refused = client.reset_password(&code, "another password of hers").await.unwrap_err();
    assert_eq!(refused, Refused::unauthenticated("CREDENTIALS_INVALID"));
    assert!(admin.rotate_key().await.is_err(), "the admin's token too");
    assert_eq!(server.query_number("SELECT COUNT(*) FROM sessions WHERE ended IS NULL").await, 0);
    let token = client.open("alice", PASSWORD).await;
    let refreshed = client.refresh(&token.refresh_token, &[1; 16]).await.unwrap();
    client.greet(Credentials::Bearer(&refreshed.token)).await.unwrap();
}

#[tokio::test]
async fn what_is_no_key_is_refused_by_name() {
    let (_server, _client, admin, trust) = start().await;
    for id in ["k4.pid.x", "nonsense", "k4.pid.9ShR3xc8-qVJ_di0tc9nx0IDIqbatdeM2mqLFBJsKRHs"] {
        assert_eq!(admin.revoke_key(id).await.unwrap_err(), Refused::field("key_id"), "{id}");
    }
    assert_eq!(states(&trust.keys().await), [pb::KeyState::Active, pb::KeyState::Next]);
}

#[tokio::test]
async fn who_may_is_told_whether_a_token_is_good_and_nobody_else() {
    let (server, client, admin, trust) = start().await;
    client.create_user("billing", PASSWORD).await.unwrap();
    server.execute_sql("UPDATE users SET roles = 'verifier' WHERE name_shown = 'billing'").await;
    let verifier = Credentials::Basic("billing", PASSWORD);
    let opened = client.open("alice", PASSWORD).await;
    let good = trust.verify(verifier.clone(), &opened.token, "").await.unwrap();
    let claims = good.claims.unwrap();
    assert!(good.active);
    assert_eq!((claims.username.as_str(), claims.session_id), ("alice", opened.session_id.clone()));
    assert_eq!((claims.audience.as_str(), claims.epoch), ("countersign", 1));
    assert_eq!(claims.expire_time, opened.expire_time);

    let message = pb::IssueTokenRequest { audience: "billing".into(), ..Default::default() };
    let other = client.issue(Credentials::Bearer(&opened.token), message).await.unwrap().token;
    let verify = async |token: &str, audience: &str| {
        trust.verify(verifier.clone(), token, audience).await.map(|answer| answer.active)
    };
    assert_eq!(verify(&other, "billing").await, Ok(true));
    assert_eq!(verify(&other, "").await, Ok(false), "for another audience");
    assert_eq!(verify(&opened.token, "billing").await, Ok(false));
    assert_eq!(verify(&format!("{}.", opened.token), "").await, Ok(false));
    assert_eq!(verify("nonsense", "").await, Ok(false));
    assert_eq!(verify("", "").await, Err(Refused::field("token")));
    assert_eq!(verify(&other, "elsewhere").await, Err(Refused::field("audience")));

    // Without the role, about oneself alone.
    let alice = Credentials::Bearer(&opened.token);
    assert!(trust.verify(alice.clone(), &other, "billing").await.unwrap().active);
    let foreign = client.sign_in("billing", PASSWORD).await;
    for token in [foreign.as_str(), "nonsense"] {
        let refused = trust.verify(alice.clone(), token, "").await.unwrap_err();
        assert_eq!(refused, Refused::new(tonic::Code::PermissionDenied, "ROLE_REQUIRED"));
    }
    // Revoked and expired tokens are not good.
    client.revoke_token(&opened.token).await.unwrap();
    assert_eq!(verify(&opened.token, "").await, Ok(false));
    assert_eq!(verify(&other, "billing").await, Ok(false));
    server.clock.advance(Duration::from_secs(600));
    assert_eq!(verify(&foreign, "").await, Ok(false));
    drop(admin);
}
