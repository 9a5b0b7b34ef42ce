//! RevokeToken: whoever holds a token of a session can end it, and it stays ended.

use std::sync::Arc;
use std::time::Duration;

use countersign::pb::auth::v1::IssueTokenRequest;

use crate::harness::{Client, Credentials, PASSWORD, Refused, SeededEntropy, TestServer, Tokens};

async fn start() -> (TestServer, Client) {
    let server = TestServer::start().await;
    let client = server.client().await;
    client.create_user("alice", PASSWORD).await.unwrap();
    (server, client)
}

fn revoked() -> Refused {
    Refused::unauthenticated("TOKEN_REVOKED")
}

async fn check_over(client: &Client, tokens: &Tokens, what: &str) {
    assert_eq!(client.refresh(&tokens.refresh_token, &[9; 16]).await.unwrap_err(), revoked(), "{what}");
    let exchange = client.issue(Credentials::Bearer(&tokens.token), IssueTokenRequest::default()).await;
    let greeted = client.greet(Credentials::Bearer(&tokens.token)).await;
    for refusal in [exchange.unwrap_err(), greeted.unwrap_err()] {
        let expired = what == "an expired access token" && refusal.reason == "TOKEN_EXPIRED";
        assert!(expired || refusal == revoked(), "{what}: {refusal:?}");
    }
}

fn asking(seconds: i64, audience: &str) -> IssueTokenRequest {
    IssueTokenRequest {
        lifetime: Some(prost_types::Duration { seconds, nanos: 0 }),
        audience: audience.to_owned(),
        ..Default::default()
    }
}

#[tokio::test]
async fn any_token_of_a_session_ends_it() {
    let (server, client) = start().await;
    let bystander = client.open("alice", PASSWORD).await;
    for what in [
        "an access token",
        "an expired access token",
        "an access token for another audience",
        "a renewed access token",
        "a refresh token",
        "a spent refresh token",
        "a refresh token spent twice over",
    ] {
        let tokens = client.open("alice", PASSWORD).await;
        let bearer = Credentials::Bearer(&tokens.token);
        let mut held = tokens.clone();
        let given = match what {
            "an access token" => tokens.token.clone(),
            "an expired access token" => {
                server.clock.advance(Duration::from_secs(601));
                tokens.token.clone()
            }
            "an access token for another audience" => {
                client.issue(bearer, asking(600, "billing")).await.unwrap().token
            }
            "a renewed access token" => client.issue(bearer, asking(600, "")).await.unwrap().token,
            "a refresh token" => tokens.refresh_token.clone(),
            _ => {
                let rounds = if what == "a spent refresh token" { 1 } else { 2 };
                for round in 0..rounds {
                    held.refresh_token =
                        client.refresh(&held.refresh_token, &[round; 16]).await.unwrap().refresh_token;
                }
                tokens.refresh_token.clone()
            }
        };
        client.revoke_token(&given).await.unwrap();
        check_over(&client, &held, what).await;
        client.revoke_token(&given).await.unwrap();
    }
    // By now its access token has expired.
    client.refresh(&bystander.refresh_token, &[1; 16]).await.unwrap();
    assert_eq!(server.query_number("SELECT COUNT(*) FROM security_events WHERE kind = 2").await, 0);
}

#[tokio::test]
async fn a_token_that_is_not_ours_is_fine_and_ends_nothing() {
    let (server, client) = start().await;
    let elsewhere = TestServer::start_on(Arc::new(SeededEntropy::new(8))).await;
    let foreign = elsewhere.client().await;
    foreign.create_user("alice", PASSWORD).await.unwrap();
    let foreign = foreign.open("alice", PASSWORD).await;
    let tokens = client.open("alice", PASSWORD).await;
    let forge = |token: &str| {
        let at = token.len() - 5;
        let mut forged = token.to_owned();
        forged.replace_range(at..=at, if &token[at..=at] == "A" { "B" } else { "A" });
        forged
    };
    let (forged_access, forged_refresh) = (forge(&tokens.token), forge(&tokens.refresh_token));
    let trailing = format!("{}.", tokens.token);
    for token in [
        "x",
        "csr_",
        "v4.public.",
        &foreign.token,
        &foreign.refresh_token,
        &forged_access,
        &forged_refresh,
        &trailing,
        &"x".repeat(5000),
    ] {
        client.revoke_token(token).await.unwrap();
    }
    assert_eq!(client.revoke_token("").await.unwrap_err(), Refused::field("token"));
    client.greet(Credentials::Bearer(&tokens.token)).await.unwrap();
    client.refresh(&tokens.refresh_token, &[1; 16]).await.unwrap();
    assert_eq!(server.query_number("SELECT COUNT(*) FROM sessions WHERE ended IS NOT NULL").await, 0);
}

#[tokio::test]
async fn an_end_is_remembered_as_long_as_any_token_of_the_session_lives() {
    let (server, client) = start().await;
    let short = client.open("alice", PASSWORD).await;
    let bearer = Credentials::Bearer(&short.token);
    // Its life is longer than that of the token that it was exchanged for.
    let long = client.issue(bearer.clone(), asking(3600, "")).await.unwrap();
    assert!(long.expire_time.unwrap().seconds > short.expire_time.unwrap().seconds);
    client.greet(Credentials::Bearer(&long.token)).await.unwrap();
    client.revoke_token(&short.token).await.unwrap();
    let mut server = server;
    for _ in 0..5 {
        server.clock.advance(Duration::from_secs(700));
        server = server.restart_with(|_| {}).await;
        let client = server.client().await;
        let refused = client.greet(Credentials::Bearer(&long.token)).await.unwrap_err();
        assert_eq!(refused, revoked());
    }
    server.clock.advance(Duration::from_secs(100));
    let refused = server.client().await.greet(Credentials::Bearer(&long.token)).await.unwrap_err();
    assert_eq!(refused, Refused::unauthenticated("TOKEN_EXPIRED"));
}

#[tokio::test]
async fn an_end_is_remembered_as_long_as_the_token_of_a_retry_lives() {
    for age in [30, 59, 61, 300, 599] {
        let (mut server, client) = start().await;
        let tokens = client.open("alice", PASSWORD).await;
        client.refresh(&tokens.refresh_token, &[1; 16]).await.unwrap();
        server.clock.advance(Duration::from_secs(age));
        let retried = client.refresh(&tokens.refresh_token, &[1; 16]).await.unwrap();
        client.revoke_token(&retried.refresh_token).await.unwrap();
        drop(client);
        let mut left = retried.duration.unwrap().seconds;
        while left > 150 {
            server.clock.advance(Duration::from_secs(150));
            left -= 150;
            server = server.restart_with(|_| {}).await;
            let refused = server.client().await.greet(Credentials::Bearer(&retried.token)).await;
            assert_eq!(refused.unwrap_err(), revoked(), "{age} {left}");
        }
    }
}

#[tokio::test]
async fn a_session_whose_row_was_cleaned_away_is_answered_for_as_it_was() {
    let (server, client) = start().await;
    let tokens = client.open("alice", PASSWORD).await;
    let other = client.open("alice", PASSWORD).await;
    client.revoke_token(&tokens.token).await.unwrap();
    server.clock.advance(Duration::from_secs(661));
    let cleaned = async {
        while server.query_number("SELECT COUNT(*) FROM sessions").await > 1 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), cleaned).await.unwrap();
    assert_eq!(client.refresh(&tokens.refresh_token, &[1; 16]).await.unwrap_err(), revoked());
    for token in [&tokens.token, &tokens.refresh_token] {
        client.revoke_token(token).await.unwrap();
    }
    client.refresh(&other.refresh_token, &[1; 16]).await.unwrap();
    server.clock.advance(Duration::from_secs(30 * 86_400 - 661));
    for token in [&tokens.refresh_token, &other.refresh_token] {
        let over = client.refresh(token, &[1; 16]).await.unwrap_err();
        assert_eq!(over, Refused::unauthenticated("TOKEN_EXPIRED"));
    }
}

#[tokio::test]
async fn an_exchange_outlives_neither_its_token_nor_its_session() {
    let (server, client) = start().await;
    let tokens = client.open("alice", PASSWORD).await;
    let exchanged = client.issue(Credentials::Bearer(&tokens.token), asking(3600, "billing")).await.unwrap();
    assert_eq!(exchanged.expire_time, tokens.expire_time, "for another audience");
    assert_eq!((exchanged.session_id, exchanged.refresh_token.as_str()), (tokens.session_id.clone(), ""));
    server.clock.advance(Duration::from_secs(590));
    let renewed = client.issue(Credentials::Bearer(&tokens.token), asking(3600, "")).await.unwrap();
    assert_eq!(renewed.duration.unwrap().seconds, 3600 - 590, "no later than an hour after the password");
    client.refresh(&tokens.refresh_token, &[1; 16]).await.unwrap();
    let renewed = client.issue(Credentials::Bearer(&renewed.token), asking(3600, "")).await.unwrap();
    assert_eq!(renewed.duration.unwrap().seconds, 3600, "or after a refresh");
    client.revoke_session(Credentials::Bearer(&renewed.token), &tokens.session_id).await.unwrap();
    assert_eq!(client.greet(Credentials::Bearer(&renewed.token)).await.unwrap_err(), revoked());
}

#[tokio::test]
async fn ending_nothing_is_no_event_and_no_write() {
    let (server, client) = start().await;
    let tokens = client.open("alice", PASSWORD).await;
    let bearer = Credentials::Bearer(&tokens.token);
    let lock = server.database().lock().await;
    for _ in 0..3 {
        assert_eq!(client.revoke_all_sessions(bearer.clone(), "", true).await.unwrap(), 0);
        let absent = "0193b4a0-5f6e-7c3a-8d5e-1f2a3b4c5d6e";
        let refused = client.revoke_session(bearer.clone(), absent).await.unwrap_err();
        assert_eq!(refused, Refused::new(tonic::Code::NotFound, "SESSION_NOT_FOUND"));
    }
    lock.release().await;
    client.revoke_token(&tokens.token).await.unwrap();
    client.revoke_all_sessions(Credentials::Basic("alice", PASSWORD), "", false).await.unwrap();
    assert_eq!(server.query_number("SELECT COUNT(*) FROM security_events").await, 0);
}
