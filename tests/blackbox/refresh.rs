//! RefreshToken: what it gives, what it refuses, and how long a session can be carried on.

use std::time::Duration;

use countersign::pb::auth::v1::{IssueTokenRequest, RefreshTokenRequest, SecurityEventKind};

use crate::harness::{Client, Credentials, PASSWORD, Refused, TestServer, Tokens};

const DAY: Duration = Duration::from_secs(86_400);

/// A server where alice has signed in.
async fn start() -> (TestServer, Client, Tokens) {
    let server = TestServer::start().await;
    let client = server.client().await;
    client.create_user("alice", PASSWORD).await.unwrap();
    let tokens = client.open("alice", PASSWORD).await;
    (server, client, tokens)
}

fn key(number: u8) -> [u8; 16] {
    [number; 16]
}

fn invalid() -> Refused {
    Refused::unauthenticated("TOKEN_INVALID")
}

#[tokio::test]
async fn a_refresh_gives_new_tokens_of_the_same_session() {
    let (server, client, first) = start().await;
    server.clock.advance(Duration::from_secs(100));
    let second = client.refresh(&first.refresh_token, &key(1)).await.unwrap();
    assert_eq!(second.session_id, first.session_id);
    assert_eq!((second.token_type.as_str(), second.duration.unwrap().seconds), ("Bearer", 600));
    assert_eq!(second.expire_time.unwrap().seconds, first.expire_time.unwrap().seconds + 100);
    assert!(second.refresh_token.starts_with("csr_") && second.refresh_token.len() == 100);
    assert_ne!(second.refresh_token, first.refresh_token);
    assert_ne!(second.token, first.token);
    for token in [&first.token, &second.token] {
        let caller = client.caller(Credentials::Bearer(token)).await;
        assert_eq!((caller.username.as_str(), caller.session_id), ("alice", first.session_id.clone()));
    }
    assert_eq!(server.query_number("SELECT COUNT(*) FROM sessions").await, 1);
}

#[tokio::test]
async fn a_refresh_brings_the_roles_of_now() {
    let (server, client, first) = start().await;
    let admin = server.admin("root").await;
    let alice = client.get_user(Credentials::Basic("alice", PASSWORD), "me").await.unwrap();
    admin.set_roles(&alice.user_id, &["verifier", "billing.clerk"]).await.unwrap();
    let second = client.refresh(&first.refresh_token, &key(1)).await.unwrap();
    let caller = client.caller(Credentials::Bearer(&second.token)).await;
    assert_eq!(caller.roles, ["billing.clerk", "verifier"]);
    // A repetition too: what is repeated is the refresh token, and not what was known when it was made.
    admin.set_roles(&alice.user_id, &["billing.clerk"]).await.unwrap();
    let again = client.refresh(&first.refresh_token, &key(1)).await.unwrap();
    assert_eq!(again.refresh_token, second.refresh_token);
    assert_eq!(client.caller(Credentials::Bearer(&again.token)).await.roles, ["billing.clerk"]);
}

#[tokio::test]
async fn a_retry_gives_the_same_refresh_token_and_a_fresh_access_token() {
    let (server, client, first) = start().await;
    let second = client.refresh(&first.refresh_token, &key(1)).await.unwrap();
    let mut seen = vec![first.token.clone(), second.token.clone()];
    for wait in [0, 1, 300, 3600, 86_400] {
        server.clock.advance(Duration::from_secs(wait));
        let again = client.refresh(&first.refresh_token, &key(1)).await.unwrap();
        assert_eq!(again.refresh_token, second.refresh_token, "{wait}");
        assert_eq!(again.session_id, first.session_id);
        assert!(!seen.contains(&again.token), "{wait}");
        client.greet(Credentials::Bearer(&again.token)).await.unwrap();
        seen.push(again.token);
    }
    client.refresh(&second.refresh_token, &key(2)).await.unwrap();
}

#[tokio::test]
async fn a_retried_access_token_lives_as_long_as_one_should() {
    let (server, client, first) = start().await;
    client.refresh(&first.refresh_token, &key(1)).await.unwrap();
    for wait in [0, 30, 59, 61, 300, 599] {
        server.clock.advance(Duration::from_secs(wait));
        let again = client.refresh(&first.refresh_token, &key(1)).await.unwrap();
        let duration = again.duration.unwrap().seconds;
        assert!((540..=600).contains(&duration), "{duration} s after {wait} s more");
    }
}

#[tokio::test]
async fn a_retry_key_has_16_to_64_bytes_and_a_wrong_one_spends_nothing() {
    let (_server, client, first) = start().await;
    for length in [1, 15, 65, 1000] {
        let refused = client.refresh(&first.refresh_token, &vec![7; length]).await.unwrap_err();
        assert_eq!(refused, Refused::field("retry_key"), "{length}");
    }
    let second = client.refresh(&first.refresh_token, &[7; 16]).await.unwrap();
    let third = client.refresh(&second.refresh_token, &[7; 64]).await.unwrap();
    client.refresh(&third.refresh_token, &[]).await.unwrap();
}

#[tokio::test]
async fn a_retry_key_cannot_serve_two_tokens_in_a_row() {
    let (_server, client, first) = start().await;
    let second = client.refresh(&first.refresh_token, &key(1)).await.unwrap();
    let refused = client.refresh(&second.refresh_token, &key(1)).await.unwrap_err();
    assert_eq!(refused, Refused::field("retry_key"));
    let again = client.refresh(&first.refresh_token, &key(1)).await.unwrap();
    assert_eq!(again.refresh_token, second.refresh_token, "nothing was spent");
    let third = client.refresh(&second.refresh_token, &key(2)).await.unwrap();
    client.refresh(&third.refresh_token, &key(1)).await.unwrap();
}

#[tokio::test]
async fn an_audience_is_picked_from_the_list() {
    let (_server, client, first) = start().await;
    let ask = |token: &str, number, audience: &str| {
        client.refresh_with(RefreshTokenRequest {
            refresh_token: token.to_owned(),
            retry_key: key(number).to_vec(),
            audience: audience.to_owned(),
        })
    };
    let refused = ask(&first.refresh_token, 1, "elsewhere").await.unwrap_err();
    assert_eq!(refused, Refused::field("audience"));
    let own = ask(&first.refresh_token, 1, "countersign").await.unwrap();
    assert_eq!(client.caller(Credentials::Bearer(&own.token)).await.audience, "countersign");
    let foreign = ask(&own.refresh_token, 2, "billing").await.unwrap();
    assert_eq!(client.greet(Credentials::Bearer(&foreign.token)).await.unwrap_err(), invalid());
    let retried = ask(&own.refresh_token, 2, "").await.unwrap();
    assert_eq!(retried.refresh_token, foreign.refresh_token);
    client.greet(Credentials::Bearer(&retried.token)).await.unwrap();
}

#[tokio::test]
async fn a_forged_token_is_garbage_and_ends_nothing() {
    let (server, client, first) = start().await;
    let second = client.refresh(&first.refresh_token, &key(1)).await.unwrap();
    for genuine in [&first.refresh_token, &second.refresh_token] {
        // The session, the generation, the secret and the MAC: each character of them.
        for at in 0..genuine.len() {
            let mut forged = genuine.clone();
            forged.replace_range(at..=at, if &genuine[at..=at] == "A" { "B" } else { "A" });
            assert_eq!(client.refresh(&forged, &key(2)).await.unwrap_err(), invalid(), "{at}");
        }
    }
    client.refresh(&second.refresh_token, &key(2)).await.unwrap();
    let events = "SELECT COUNT(*) FROM security_events WHERE kind = 2";
    assert_eq!(server.query_number(events).await, 0);
}

#[tokio::test]
async fn what_is_no_refresh_token_is_garbage() {
    let (_server, client, first) = start().await;
    let long = format!("csr_{}", "A".repeat(2000));
    let padded = format!("{}=", first.refresh_token);
    let spaced = format!(" {}", first.refresh_token);
    let nothing = format!("csr_{}", "A".repeat(96));
    for garbage in ["", "csr_", "x", &long, &padded, &spaced, &nothing, &first.refresh_token[4..], "csr_🙂"]
    {
        assert_eq!(client.refresh(garbage, &key(1)).await.unwrap_err(), invalid(), "{garbage:?}");
    }
    client.refresh(&first.refresh_token, &key(1)).await.unwrap();
}

#[tokio::test]
async fn refresh_tokens_and_access_tokens_never_stand_for_each_other() {
    let (_server, client, first) = start().await;
    let bearer = Credentials::Bearer(&first.refresh_token);
    assert_eq!(client.greet(bearer.clone()).await.unwrap_err(), invalid());
    let issued = client.issue(bearer, IssueTokenRequest::default()).await;
    assert_eq!(issued.unwrap_err(), invalid());
    let as_name = client.greet(Credentials::Basic(&first.refresh_token, "x")).await.unwrap_err();
    assert_eq!(as_name, Refused::unauthenticated("CREDENTIALS_INVALID"));
    assert_eq!(client.refresh(&first.token, &key(1)).await.unwrap_err(), invalid());
    client.refresh(&first.refresh_token, &key(1)).await.unwrap();
}

#[tokio::test]
async fn no_token_of_an_ended_session_is_theft() {
    let (server, client, first) = start().await;
    let admin = server.admin("root").await;
    let alice = client.get_user(Credentials::Bearer(&first.token), "me").await.unwrap();
    let second = client.refresh(&first.refresh_token, &key(1)).await.unwrap();
    let third = client.refresh(&second.refresh_token, &key(2)).await.unwrap();
    client.revoke_session(Credentials::Bearer(&third.token), &third.session_id).await.unwrap();
    for token in [&first.refresh_token, &second.refresh_token, &third.refresh_token] {
        for retry in [&[][..], &key(1), &key(2), &key(3)] {
            let refused = client.refresh(token, retry).await.unwrap_err();
            assert_eq!(refused, Refused::unauthenticated("TOKEN_REVOKED"));
        }
    }
    assert!(admin.events(&alice.user_id, SecurityEventKind::RefreshTokenReused).await.is_empty());
    // Past the absolute limit that is all there is to say, whether its row is still there or not.
    server.clock.advance(DAY * 30);
    for token in [&first.refresh_token, &third.refresh_token] {
        let refused = client.refresh(token, &key(4)).await.unwrap_err();
        assert_eq!(refused, Refused::unauthenticated("TOKEN_EXPIRED"));
    }
}

#[tokio::test]
async fn a_session_that_is_not_used_for_the_idle_limit_is_over() {
    let (server, client, first) = start().await;
    server.clock.advance(DAY * 7 - Duration::from_millis(1));
    let second = client.refresh(&first.refresh_token, &key(1)).await.unwrap();
    // Each refresh begins the idle limit anew, a retry too.
    server.clock.advance(DAY * 7 - Duration::from_millis(1));
    client.refresh(&first.refresh_token, &key(1)).await.unwrap();
    server.clock.advance(DAY * 7 - Duration::from_millis(1));
    let third = client.refresh(&second.refresh_token, &key(2)).await.unwrap();
    server.clock.advance(DAY * 7);
    for token in [&third.refresh_token, &second.refresh_token, &first.refresh_token] {
        let refused = client.refresh(token, &key(3)).await.unwrap_err();
        assert_eq!(refused, Refused::unauthenticated("TOKEN_EXPIRED"), "over is over, and no theft");
    }
    client.open("alice", PASSWORD).await;
}

#[tokio::test]
async fn refreshing_never_moves_the_absolute_limit() {
    let (server, client, first) = start().await;
    let end = 1_767_225_600 + 30 * 86_400;
    let mut token = first.refresh_token;
    for round in 1..=5 {
        server.clock.advance(DAY * 5);
        token = client.refresh(&token, &key(round)).await.unwrap().refresh_token;
    }
    server.clock.advance(DAY * 5 - Duration::from_secs(100));
    let last = client.refresh(&token, &key(6)).await.unwrap();
    assert_eq!(last.expire_time.unwrap().seconds, end, "no token outlives its session");
    assert_eq!(last.duration.unwrap().seconds, 100);
    server.clock.advance(Duration::from_millis(98_999));
    let retried = client.refresh(&token, &key(6)).await.unwrap();
    assert_eq!(retried.refresh_token, last.refresh_token);
    // In its last second there would be a token of no time.
    server.clock.advance(Duration::from_secs(1));
    for (token, number) in [(&last.refresh_token, 7), (&token, 6)] {
        let refused = client.refresh(token, &key(number)).await.unwrap_err();
        assert_eq!(refused, Refused::unauthenticated("TOKEN_EXPIRED"));
    }
}
