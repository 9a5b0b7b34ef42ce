//! One refresh token, many calls at once: exactly one successor, or exactly one theft.

use std::time::Duration;

use countersign::pb::auth::v1::{RefreshTokenResponse, SecurityEventKind};
use tokio::task::JoinSet;

use crate::harness::{Client, Credentials, PASSWORD, Refused, TestServer, on_postgres};

/// Spends `token` at once over all of these connections in turn, the n-th call with the n-th key.
async fn spend_at_once(
    clients: &[Client],
    token: &str,
    keys: impl IntoIterator<Item = [u8; 16]>,
) -> Vec<Result<RefreshTokenResponse, Refused>> {
    let mut calls = JoinSet::new();
    for (key, client) in keys.into_iter().zip(clients.iter().cycle()) {
        let (client, token) = (client.clone(), token.to_owned());
        calls.spawn(async move { client.refresh(&token, &key).await });
    }
    calls.join_all().await
}

/// Connections of their own, spread over these servers.
async fn clients(servers: &[&TestServer], number: usize) -> Vec<Client> {
    let mut clients = Vec::new();
    for server in servers.iter().cycle().take(number) {
        clients.push(server.client().await);
    }
    clients
}

/// A chain of refreshes, each asked for by many at once with the same key: all of them get one successor.
async fn share_successors(clients: &[Client], calls: usize, rounds: u8) {
    let opened = clients[0].open("alice", PASSWORD).await;
    let mut token = opened.refresh_token;
    for round in 0..rounds {
        let answers = spend_at_once(clients, &token, std::iter::repeat_n([round; 16], calls)).await;
        assert_eq!(answers.len(), calls);
        let answers: Vec<_> = answers.into_iter().map(Result::unwrap).collect();
        let next = &answers[0];
        assert_ne!(next.refresh_token, token);
        for answer in &answers {
            assert_eq!(answer.refresh_token, next.refresh_token, "round {round}");
            assert_eq!(answer.session_id, opened.session_id);
        }
        let mut access: Vec<_> = answers.iter().map(|answer| answer.token.as_str()).collect();
        clients[0].greet(Credentials::Bearer(access[0])).await.unwrap();
        access.sort_unstable();
        access.dedup();
        assert_eq!(access.len(), calls, "each has an access token of its own");
        token.clone_from(&next.refresh_token);
    }
}

/// Many spend one token at once, each with a key of its own: one wins, the next ends the session.
async fn fight_over_a_token(servers: &[&TestServer]) {
    let server = servers[0];
    let admin = server.admin("root").await;
    let clients = clients(servers, 5).await;
    let user_id = clients[0].create_user("alice", PASSWORD).await.unwrap().user_id;
    let bystander = clients[0].open("alice", PASSWORD).await;
    let mut sessions = Vec::new();
    for round in 1..=10 {
        server.clock.advance(Duration::from_millis(1));
        let opened = clients[0].open("alice", PASSWORD).await;
        let answers = spend_at_once(&clients, &opened.refresh_token, (1..=20).map(|n| [n; 16])).await;
        let won: Vec<_> = answers.iter().flatten().collect();
        let refused = |reason| {
            let refusal = Err(Refused::unauthenticated(reason));
            answers.iter().filter(|answer| **answer == refusal).count()
        };
        assert_eq!(won.len(), 1, "round {round}");
        assert_eq!((refused("REFRESH_TOKEN_REUSED"), refused("TOKEN_REVOKED")), (1, 18), "round {round}");
        let after = clients[0].refresh(&won[0].refresh_token, &[30; 16]).await.unwrap_err();
        assert_eq!(after, Refused::unauthenticated("TOKEN_REVOKED"));
        sessions.push(opened.session_id);
    }
    let events = admin.events(&user_id, SecurityEventKind::RefreshTokenReused).await;
    let named: Vec<_> = events.into_iter().rev().map(|event| event.session_id).collect();
    assert_eq!(named, sessions, "one event a session");
    clients[0].greet(Credentials::Bearer(&bystander.token)).await.unwrap();
    clients[0].refresh(&bystander.refresh_token, &[1; 16]).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_hundred_who_refresh_at_once_with_one_key_get_one_successor_a_hundred_times() {
    // Each takes its turn at the session's row, and on a server each turn is a commit on the disk: a hundred that are in time on
    // a quiet machine are more than two seconds' worth on a busy one.
    let (callers, rounds) = if on_postgres() { (30, 40) } else { (100, 100) };
    let server = TestServer::start().await;
    let clients = clients(&[&server], 8).await;
    clients[0].create_user("alice", PASSWORD).await.unwrap();
    share_successors(&clients, callers, rounds).await;
    let generation = i64::from(rounds) + 1;
    assert_eq!(server.query_number("SELECT generation FROM sessions").await, generation);
    assert_eq!(server.query_number("SELECT COUNT(*) FROM security_events WHERE kind = 2").await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_twenty_who_refresh_at_once_with_their_own_keys_one_wins_and_the_session_ends() {
    let server = TestServer::start().await;
    fight_over_a_token(&[&server]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_replicas_give_one_successor_to_all_who_refresh_at_once_with_one_key() {
    let server = TestServer::start().await;
    let replica = server.replica().await;
    let clients = clients(&[&server, &replica], 8).await;
    clients[0].create_user("alice", PASSWORD).await.unwrap();
    share_successors(&clients, 40, 20).await;
    assert_eq!(server.query_number("SELECT generation FROM sessions").await, 21);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_replicas_let_one_of_twenty_keys_win_and_count_one_theft() {
    let server = TestServer::start().await;
    let replica = server.replica().await;
    fight_over_a_token(&[&server, &replica]).await;
}
