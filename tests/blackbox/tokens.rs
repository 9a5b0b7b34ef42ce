//! IssueToken: for a password, for a token, and what it refuses.

use std::time::Duration;

use countersign::auth::Audiences;
use countersign::pb::auth::v1::{AuthenticationMethod, IssueTokenRequest};
use tonic::Code;

use crate::harness::{Client, Credentials, PASSWORD, Refused, TestServer};

fn body(username: &str, password: &str) -> IssueTokenRequest {
    IssueTokenRequest { username: username.into(), password: password.into(), ..Default::default() }
}

fn lifetime(seconds: i64) -> IssueTokenRequest {
    IssueTokenRequest { lifetime: Some(prost_types::Duration { seconds, nanos: 0 }), ..Default::default() }
}

fn audience(name: &str) -> IssueTokenRequest {
    IssueTokenRequest { audience: name.into(), ..Default::default() }
}

async fn start() -> (TestServer, Client) {
    let server = TestServer::start().await;
    let client = server.client().await;
    client.create_user("alice", PASSWORD).await.unwrap();
    (server, client)
}

#[tokio::test]
async fn a_password_in_the_message_or_in_basic_opens_a_session() {
    let (server, client) = start().await;
    let by_body = client.issue(Credentials::None, body("alice", PASSWORD)).await.unwrap();
    let by_basic =
        client.issue(Credentials::Basic("alice", PASSWORD), IssueTokenRequest::default()).await.unwrap();
    for issued in [&by_body, &by_basic] {
        assert!(issued.token.starts_with("v4.public."));
        assert_eq!(issued.token_type, "Bearer");
        assert_eq!(issued.duration.unwrap().seconds, 600);
        assert_eq!(issued.expire_time.unwrap().seconds, 1_767_225_600 + 600);
        assert!(issued.refresh_token.starts_with("csr_"));
        assert_eq!(client.greet(Credentials::Bearer(&issued.token)).await.unwrap().message, "Hello, alice!");
    }
    assert_ne!(by_body.session_id, by_basic.session_id);
    assert_eq!(server.query_number("SELECT COUNT(*) FROM sessions").await, 2);
}

#[tokio::test]
async fn greet_tells_how_the_caller_was_authenticated() {
    let (_server, client) = start().await;
    let issued = client.issue(Credentials::None, body("alice", PASSWORD)).await.unwrap();
    let by_token = client.caller(Credentials::Bearer(&issued.token)).await;
    assert_eq!(by_token.method(), AuthenticationMethod::Token);
    assert_eq!((by_token.username.as_str(), by_token.audience.as_str()), ("alice", "countersign"));
    assert_eq!(by_token.session_id, issued.session_id);
    assert_eq!(by_token.expire_time, issued.expire_time);
    assert!(by_token.key_id.starts_with("k4.pid."));
    assert_eq!(by_token.token_id.len(), 36);

    let as_basic_name = client.caller(Credentials::Basic(&issued.token, "anything")).await;
    assert_eq!(as_basic_name, by_token);

    let by_password = client.caller(Credentials::Basic("alice", PASSWORD)).await;
    assert_eq!(by_password.method(), AuthenticationMethod::Password);
    assert_eq!(by_password.user_id, by_token.user_id);
    assert_eq!((by_password.session_id.as_str(), by_password.key_id.as_str()), ("", ""));
    assert_eq!(by_password.expire_time, None);
}

#[tokio::test]
async fn wrong_credentials_look_alike() {
    let (server, client) = start().await;
    client.create_user("disabled", PASSWORD).await.unwrap();
    assert_eq!(server.execute_sql("UPDATE users SET state = 2 WHERE name_shown = 'disabled'").await, 1);
    let over_long = "x".repeat(513);
    let mut answers = Vec::new();
    for (username, password) in [
        ("nobody", PASSWORD),
        ("alice", "wrong password"),
        ("alice", &over_long),
        ("disabled", PASSWORD),
        ("not a name", PASSWORD),
        ("", PASSWORD),
        ("alice", ""),
    ] {
        let status = client.greet_raw(Credentials::Basic(username, password)).await.unwrap_err();
        assert_eq!(
            crate::harness::refused(&status),
            Refused::unauthenticated("CREDENTIALS_INVALID"),
            "{username}"
        );
        answers.push(status.message().to_owned());
        let refused =
            client.issue(Credentials::Basic(username, password), IssueTokenRequest::default()).await;
        assert_eq!(refused.unwrap_err(), Refused::unauthenticated("CREDENTIALS_INVALID"), "{username}");
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    assert_eq!(server.query_number("SELECT COUNT(*) FROM sessions").await, 0);
}

#[tokio::test]
async fn credentials_in_the_message_go_before_a_token_and_never_beside_a_password() {
    let (_server, client) = start().await;
    for old in [
        Credentials::Bearer("v4.public.expired"),
        Credentials::Bearer("x"),
        Credentials::Basic("v4.public.x", ""),
    ] {
        client.issue(old, body("alice", PASSWORD)).await.unwrap();
    }
    let issue = |credentials, message| client.issue(credentials, message);
    for (credentials, message, expected) in [
        (Credentials::None, IssueTokenRequest::default(), Refused::unauthenticated("CREDENTIALS_MISSING")),
        (
            Credentials::Raw("Digest x"),
            IssueTokenRequest::default(),
            Refused::unauthenticated("CREDENTIALS_INVALID"),
        ),
        (
            Credentials::Raw("Digest x"),
            body("alice", PASSWORD),
            Refused::unauthenticated("CREDENTIALS_INVALID"),
        ),
        (Credentials::Bearer("x"), IssueTokenRequest::default(), Refused::unauthenticated("TOKEN_INVALID")),
        (Credentials::Basic("alice", PASSWORD), body("alice", PASSWORD), Refused::field("password")),
        (Credentials::None, body("alice", ""), Refused::field("password")),
        (Credentials::None, body("", PASSWORD), Refused::field("username")),
        (Credentials::Basic("alice", PASSWORD), lifetime(0), Refused::field("lifetime")),
        (Credentials::Basic("alice", PASSWORD), lifetime(-5), Refused::field("lifetime")),
        (Credentials::Basic("alice", PASSWORD), lifetime(i64::MAX), Refused::field("lifetime")),
        (Credentials::Basic("alice", PASSWORD), audience("elsewhere"), Refused::field("audience")),
    ] {
        assert_eq!(issue(credentials.clone(), message).await.unwrap_err(), expected, "{credentials:?}");
    }
}

#[tokio::test]
async fn a_token_expires_when_it_said() {
    let (server, client) = start().await;
    let issued = client.issue(Credentials::Basic("alice", PASSWORD), lifetime(30)).await.unwrap();
    assert_eq!(issued.duration.unwrap().seconds, 30);
    server.clock.advance(Duration::from_millis(29_599));
    client.greet(Credentials::Bearer(&issued.token)).await.unwrap();
    server.clock.advance(Duration::from_millis(1));
    for credentials in [Credentials::Bearer(&issued.token), Credentials::Basic(&issued.token, "")] {
        let refused = client.greet(credentials.clone()).await.unwrap_err();
        assert_eq!(refused, Refused::unauthenticated("TOKEN_EXPIRED"));
        let refused = client.issue(credentials, IssueTokenRequest::default()).await.unwrap_err();
        assert_eq!(refused, Refused::unauthenticated("TOKEN_EXPIRED"));
    }
}

#[tokio::test]
async fn a_longer_lifetime_is_granted_up_to_the_longest() {
    let (_server, client) = start().await;
    for (asked, granted) in [(1, 1), (3600, 3600), (3601, 3600), (1_000_000, 3600)] {
        let issued = client.issue(Credentials::Basic("alice", PASSWORD), lifetime(asked)).await.unwrap();
        assert_eq!(issued.duration.unwrap().seconds, granted);
    }
}

#[tokio::test]
async fn a_chain_of_renewals_ends_with_the_longest_lifetime_after_the_password() {
    let (server, client) = start().await;
    let first =
        client.issue(Credentials::Basic("alice", PASSWORD), IssueTokenRequest::default()).await.unwrap();
    let mut token = first.token;
    for _ in 0..6 {
        server.clock.advance(Duration::from_secs(590));
        let renewed = client.issue(Credentials::Bearer(&token), IssueTokenRequest::default()).await.unwrap();
        assert_eq!(renewed.session_id, first.session_id);
        assert!(renewed.expire_time.unwrap().seconds <= 1_767_225_600 + 3600);
        token = renewed.token;
    }
    assert_eq!(
        client.caller(Credentials::Bearer(&token)).await.expire_time.unwrap().seconds,
        1_767_225_600 + 3600
    );
    server.clock.advance(Duration::from_secs(60));
    let refused = client.issue(Credentials::Bearer(&token), IssueTokenRequest::default()).await.unwrap_err();
    assert_eq!(refused, Refused::unauthenticated("TOKEN_EXPIRED"));
    assert_eq!(server.query_number("SELECT COUNT(*) FROM sessions").await, 1, "renewals open no session");
}

#[tokio::test]
async fn a_token_for_another_audience_is_no_token_here_and_outlives_nothing() {
    let (server, client) = start().await;
    let own = client.issue(Credentials::Basic("alice", PASSWORD), lifetime(100)).await.unwrap();
    server.clock.advance(Duration::from_secs(40));
    let exchanged = client.issue(Credentials::Bearer(&own.token), audience("billing")).await.unwrap();
    assert_eq!(exchanged.expire_time, own.expire_time);
    assert_eq!(exchanged.duration.unwrap().seconds, 60);
    let direct = client.issue(
        Credentials::None,
        IssueTokenRequest { audience: "billing".into(), ..body("alice", PASSWORD) },
    );
    for foreign in [exchanged.token, direct.await.unwrap().token] {
        for credentials in [Credentials::Bearer(&foreign), Credentials::Basic(&foreign, "x")] {
            let refused = client.greet(credentials.clone()).await.unwrap_err();
            assert_eq!(refused, Refused::unauthenticated("TOKEN_INVALID"));
            let refused = client.issue(credentials, IssueTokenRequest::default()).await.unwrap_err();
            assert_eq!(refused, Refused::unauthenticated("TOKEN_INVALID"));
        }
    }
}

#[tokio::test]
async fn a_token_buys_no_token_once_its_session_or_user_has_moved_on() {
    for (statement, reason) in [
        ("UPDATE sessions SET ended = 1", "TOKEN_REVOKED"),
        ("DELETE FROM sessions", "TOKEN_REVOKED"),
        ("UPDATE sessions SET expires = 1", "TOKEN_EXPIRED"),
        ("UPDATE users SET epoch = epoch + 1", "TOKEN_REVOKED"),
        ("UPDATE users SET state = 2", "TOKEN_REVOKED"),
    ] {
        let (server, client) = start().await;
        let token = client.sign_in("alice", PASSWORD).await;
        assert_eq!(server.execute_sql(statement).await, 1);
        let refused =
            client.issue(Credentials::Bearer(&token), IssueTokenRequest::default()).await.unwrap_err();
        assert_eq!(refused, Refused::unauthenticated(reason), "{statement}");
    }
}

#[tokio::test]
async fn no_token_outlives_its_session() {
    let server =
        TestServer::start_with(|config| config.policy.sessions.absolute = Duration::from_secs(120)).await;
    let client = server.client().await;
    client.create_user("alice", PASSWORD).await.unwrap();
    let first =
        client.issue(Credentials::Basic("alice", PASSWORD), IssueTokenRequest::default()).await.unwrap();
    assert_eq!(first.duration.unwrap().seconds, 120);
    server.clock.advance(Duration::from_secs(100));
    let renewed = client.issue(Credentials::Bearer(&first.token), lifetime(3600)).await.unwrap();
    assert_eq!(renewed.expire_time, first.expire_time);
    assert_eq!(renewed.duration.unwrap().seconds, 20);
}

#[tokio::test]
async fn a_token_of_another_issuer_or_key_is_refused() {
    let (server, client) = start().await;
    let elsewhere = TestServer::start_with(|config| config.policy.issuer = "elsewhere".into()).await;
    let foreign_client = elsewhere.client().await;
    foreign_client.create_user("alice", PASSWORD).await.unwrap();
    let other_key = foreign_client.sign_in("alice", PASSWORD).await;
    assert_eq!(
        client.greet(Credentials::Bearer(&other_key)).await.unwrap_err(),
        Refused::unauthenticated("TOKEN_INVALID")
    );

    let token = client.sign_in("alice", PASSWORD).await;
    let server = server.restart_with(|config| config.policy.issuer = "renamed".into()).await;
    let refused = server.client().await.greet(Credentials::Bearer(&token)).await.unwrap_err();
    assert_eq!(refused, Refused::unauthenticated("TOKEN_INVALID"));
}

#[tokio::test]
async fn the_largest_token_that_can_be_is_a_token() {
    let audience = "a".repeat(64);
    let server = TestServer::start_with(|config| {
        config.policy.issuer = "i".repeat(64);
        config.policy.audiences = Audiences::parse([audience.as_str()]).unwrap();
    })
    .await;
    let client = server.client().await;
    let name = "\u{10428}".repeat(64);
    client.create_user(&name, PASSWORD).await.unwrap();
    let roles: Vec<String> = (0..16).map(|n| format!("{n:-<32}")).collect();
    server.execute_sql(&format!("UPDATE users SET roles = '{}'", roles.join(","))).await;
    server.execute_sql("UPDATE users SET epoch = 9223372036854775807").await;
    let token = client.sign_in(&name, PASSWORD).await;
    // Not out of the cache: another process has to take it too.
    let server = server.restart_with(|_| {}).await;
    let caller = server.client().await.caller(Credentials::Bearer(&token)).await;
    assert_eq!((caller.username, caller.roles.len()), (name, 16));
}

#[tokio::test]
async fn weaker_password_rows_are_upgraded_at_sign_in_and_only_then() {
    let (server, client) = start().await;
    client.create_user("bob", PASSWORD).await.unwrap();
    let outdated = "SELECT COUNT(*) FROM users WHERE password_hash LIKE '%m=64,t=1,p=1%'";
    assert_eq!(server.query_number(outdated).await, 2);
    drop(client);

    let server = server.restart_with(|config| config.hasher.passes = 2).await;
    let client = server.client().await;
    client.greet(Credentials::Basic("alice", "wrong password")).await.unwrap_err();
    assert_eq!(server.query_number(outdated).await, 2, "a wrong password upgrades nothing");
    let token = client.sign_in("alice", PASSWORD).await;
    assert_eq!(server.query_number(outdated).await, 1);
    client.greet(Credentials::Basic("alice", PASSWORD)).await.unwrap();
    client.issue(Credentials::Bearer(&token), IssueTokenRequest::default()).await.unwrap();
    client.greet(Credentials::Basic("bob", PASSWORD)).await.unwrap();
    assert_eq!(server.query_number(outdated).await, 0);
}

#[tokio::test]
async fn lowering_the_price_of_hashes_locks_nobody_out() {
    let server = TestServer::start_with(|config| config.hasher.memory_kib = 64 * 1024).await;
    server.client().await.create_user("alice", PASSWORD).await.unwrap();
    let server = server.restart_with(|config| config.hasher.memory_kib = 64).await;
    server.client().await.greet(Credentials::Basic("alice", PASSWORD)).await.unwrap();
}

#[tokio::test]
async fn a_poisoned_row_signs_nobody_in_and_harms_nobody() {
    let (server, client) = start().await;
    client.create_user("bob", PASSWORD).await.unwrap();
    for poison in [
        "$argon2id$v=19$m=4294967295,t=1,p=1$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNoaGFzaGhhc2g",
        "$argon2id$v=19$m=64,t=4294967295,p=1$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNoaGFzaGhhc2g",
        "$argon2i$v=19$m=64,t=1,p=1$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNoaGFzaGhhc2g",
        "nonsense",
        "",
    ] {
        let statement = format!("UPDATE users SET password_hash = '{poison}' WHERE name_shown = 'alice'");
        assert_eq!(server.execute_sql(&statement).await, 1);
        let refused = client.greet(Credentials::Basic("alice", PASSWORD)).await.unwrap_err();
        assert_eq!(refused, Refused::unauthenticated("CREDENTIALS_INVALID"), "{poison}");
        client.greet(Credentials::Basic("bob", PASSWORD)).await.unwrap();
    }
}

#[tokio::test]
async fn a_damaged_row_is_an_internal_error_without_its_content() {
    let (server, client) = start().await;
    server.execute_sql("UPDATE users SET roles = 'NOT A ROLE'").await;
    let status = client.greet_raw(Credentials::Basic("alice", PASSWORD)).await.unwrap_err();
    assert_eq!(crate::harness::refused(&status), Refused::new(Code::Internal, "INTERNAL"));
    assert!(!status.message().contains("ROLE") && !status.message().contains("users"), "{status:?}");
}
