//! What callers of a source see: one token, one refresh, the new roles, and refusals that are for good.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign::pb::auth::v1::GreetRequest;
use countersign::pb::auth::v1::auth_service_client::AuthServiceClient;
use countersign_client::{Token, TokenError, TokenSource};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tonic::Code;

use super::kit::{Kit, PATIENCE, builder, reason, refused};
use crate::harness::{Binary, Credentials, PASSWORD};

/// Many callers at once.
const CALLERS: usize = 100;

#[tokio::test]
async fn a_source_signs_in_once_and_hands_out_one_token() {
    let kit = Kit::start().await;
    let source = kit.builder().password("alice", PASSWORD).start().await.unwrap();
    let mut calls = JoinSet::new();
    for _ in 0..CALLERS {
        let source = source.clone();
        calls.spawn(async move { source.token().await.unwrap().text().to_owned() });
    }
    let tokens: HashSet<_> = calls.join_all().await.into_iter().collect();
    assert_eq!(tokens.len(), 1);
    assert_eq!(kit.sessions().await, 1);
}

/// Calls from many tasks at once. Each has to see these roles.
async fn call_at_once(kit: &Arc<Kit>, source: &TokenSource, roles: &[&str]) {
    let mut calls = JoinSet::new();
    for _ in 0..CALLERS {
        let (kit, source) = (Arc::clone(kit), source.clone());
        calls.spawn(async move { kit.roles(&source).await });
    }
    for seen in calls.join_all().await {
        assert_eq!(seen, roles);
    }
}

#[tokio::test]
async fn a_change_of_roles_costs_one_refresh_and_every_call_succeeds_with_the_new_ones() {
    let kit = Arc::new(Kit::start().await);
    let source = kit.source().await;
    kit.set_roles(&["billing"]).await;
    call_at_once(&kit, &source, &["billing"]).await;
    assert_eq!(kit.generations().await, 2);
    kit.set_roles(&["audit"]).await;
    call_at_once(&kit, &source, &["audit"]).await;
    assert_eq!(kit.generations().await, 3);
}

#[tokio::test]
async fn a_hundred_callers_around_an_expiry_cause_one_refresh() {
    let kit = Arc::new(Kit::start().await);
    let source = kit.source().await;
    kit.server.clock.advance(Duration::from_secs(601));
    call_at_once(&kit, &source, &[]).await;
    assert_eq!((kit.generations().await, kit.sessions().await), (2, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_ever_gets_a_token_whose_time_is_over() {
    let server = Binary::start(&["--token-lifetime", "5s"]);
    let client = server.client().await;
    client.create_user("alice", PASSWORD).await.unwrap();
    let source = builder(server.address).password("alice", PASSWORD).start().await.unwrap();
    let mut calls = JoinSet::new();
    for _ in 0..20 {
        let (source, client) = (source.clone(), client.clone());
        calls.spawn(async move {
            let mut seen = HashSet::new();
            while seen.len() < 3 {
                let token = source.token().await.unwrap();
                client.greet(Credentials::Bearer(token.text())).await.unwrap();
                seen.insert(token.text().to_owned());
            }
            seen
        });
    }
    let seen = calls.join_all().await.into_iter().flatten().collect::<HashSet<_>>().len();
    drop(source);
    let generations = server.database().query_number("SELECT SUM(generation) FROM sessions").await;
    // Each token is one refresh, and one more may have come that nobody has seen.
    assert!((seen..=seen + 1).contains(&usize::try_from(generations).unwrap()), "{generations} for {seen}");
}

#[tokio::test]
async fn a_session_whose_tokens_nobody_asks_for_is_carried_on() {
    let server = Binary::start(&["--token-lifetime", "2s"]);
    server.client().await.create_user("alice", PASSWORD).await.unwrap();
    let source = builder(server.address).password("alice", PASSWORD).start().await.unwrap();
    let database = server.database();
    let generations = "SELECT COALESCE(SUM(generation), 0) FROM sessions";
    let carried_on = async { while database.query_number(generations).await < 3 {} };
    timeout(PATIENCE, carried_on).await.unwrap();
    assert_eq!(database.query_number("SELECT COUNT(*) FROM sessions").await, 1);
    drop(source);
}

#[tokio::test]
async fn a_service_that_refuses_every_token_is_called_twice_and_its_refusal_goes_up() {
    let kit = Kit::start().await;
    let source = kit.source().await;
    let revoked = source.token().await.unwrap();
    kit.set_roles(&["billing"]).await;
    let mut calls = 0;
    let refusal = source.call(|_| {
        calls += 1;
        kit.client.greet_raw(Credentials::Bearer(revoked.text()))
    });
    assert_eq!(reason(&refusal.await.unwrap_err()), "TOKEN_REVOKED");
    assert_eq!((calls, kit.generations().await), (2, 2));
}

#[tokio::test]
async fn other_refusals_cost_no_refresh() {
    let kit = Kit::start().await;
    let source = kit.source().await;
    let refusal = source.call(|_| kit.client.greet_raw(Credentials::Bearer("v4.public.x")));
    assert_eq!(reason(&refusal.await.unwrap_err()), "TOKEN_INVALID");
    assert_eq!(kit.generations().await, 1);
}

#[tokio::test]
async fn a_session_that_was_ended_is_followed_by_another_if_there_is_a_password() {
    let kit = Kit::start().await;
    let source = kit.source().await;
    let own = source.token().await.unwrap();
    kit.client.revoke_all_sessions(Credentials::Bearer(own.text()), "", false).await.unwrap();
    kit.greet(&source).await.unwrap();
    assert_eq!(kit.sessions().await, 2);
}

#[tokio::test]
async fn the_refusal_of_a_disabled_user_goes_up_and_is_not_asked_for_again_at_once() {
    let kit = Kit::start().await;
    let source = kit.source().await;
    kit.admin.disable_user(&kit.alice).await.unwrap();
    assert_eq!(reason(&kit.greet(&source).await.unwrap_err()), "CREDENTIALS_INVALID");
    // Cut off, it could not ask even if it would.
    kit.wire.cut();
    for _ in 0..10 {
        assert_eq!(refused(source.token().await.unwrap_err()), "CREDENTIALS_INVALID");
    }
}

#[tokio::test]
async fn a_wrong_password_is_told_at_the_first_token() {
    let kit = Kit::start().await;
    let source = kit.builder().password("alice", "wrong horse battery").start().await.unwrap();
    assert_eq!(refused(source.token().await.unwrap_err()), "CREDENTIALS_INVALID");
}

#[tokio::test]
async fn generated_clients_call_with_the_token_of_the_moment() {
    let kit = Kit::start().await;
    let source = kit.source().await;
    let channel = kit.server.channel().await;
    let client = AuthServiceClient::with_interceptor(channel, source.interceptor());
    kit.set_roles(&["billing"]).await;
    let greet = |_| {
        let mut client = client.clone();
        async move { client.greet(GreetRequest {}).await }
    };
    let greeted = source.call(greet).await.unwrap();
    assert_eq!(greeted.into_inner().caller.unwrap().roles, ["billing"]);
    source.sign_out().await.unwrap();
    let refusal = client.clone().greet(GreetRequest {}).await.unwrap_err();
    assert_eq!((refusal.code(), refusal.message()), (Code::Unauthenticated, "signed out"));
}

/// Whom a token is for.
fn audience(token: &Token) -> String {
    let body = token.text().split('.').nth(2).unwrap();
    let body = URL_SAFE_NO_PAD.decode(body).unwrap();
    let claims: serde_json::Value = serde_json::from_slice(&body[..body.len() - 64]).unwrap();
    claims["aud"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn tokens_are_for_the_audience_and_the_lifetime_that_were_asked_for_after_refreshes_too() {
    let kit = Kit::start().await;
    let alice = || kit.builder().password("alice", PASSWORD).audience("billing");
    for (source, lifetime) in [(alice(), 600), (alice().lifetime(Duration::from_secs(1200)), 1200)] {
        let source = source.start().await.unwrap();
        let first = source.token().await.unwrap();
        let second = source.replace(&first).await.unwrap();
        assert_ne!(first.text(), second.text());
        for token in [first, second] {
            assert_eq!(audience(&token), "billing");
            let left = token.expires_in().as_secs();
            assert!((lifetime - 60..=lifetime).contains(&left), "{left} of {lifetime}");
        }
    }
}

#[tokio::test]
async fn an_audience_that_the_server_does_not_know_is_refused() {
    let kit = Kit::start().await;
    let source = kit.builder().password("alice", PASSWORD).audience("nowhere").start().await.unwrap();
    let error = source.token().await.unwrap_err();
    assert!(
        matches!(&error, TokenError::Refused(status) if status.code() == Code::InvalidArgument),
        "{error:?}"
    );
}

#[tokio::test]
async fn while_the_server_is_away_the_good_token_is_handed_out() {
    let kit = Kit::start().await;
    let patience = Duration::from_millis(500);
    let source = kit.builder().password("alice", PASSWORD).patience(patience).start().await.unwrap();
    let token = source.token().await.unwrap();
    kit.wire.cut();
    let away = source.replace(&token).await.unwrap_err();
    assert!(matches!(away, TokenError::Unavailable(_)), "{away:?}");
    assert_eq!(source.token().await.unwrap().text(), token.text());
    assert!(source.trouble().is_some());
    kit.wire.mend();
    let back = async { while source.replace(&token).await.is_err() {} };
    timeout(PATIENCE, back).await.unwrap();
    assert!(source.trouble().is_none());
    assert_eq!(kit.sessions().await, 1);
}
