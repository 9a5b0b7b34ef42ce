//! How many sessions a user may have, and what becomes of one who opens and ends them without end.

use std::time::Duration;

use countersign::pb::auth::v1::SecurityEventKind;

use crate::harness::{Client, Credentials, PASSWORD, Refused, TestServer, Tokens};
use crate::rest::Ask;

async fn start(per_user: Option<u32>) -> (TestServer, Client, String) {
    let server = TestServer::start_with(|config| config.policy.sessions.per_user = per_user).await;
    let client = server.client().await;
    let alice = client.create_user("alice", PASSWORD).await.unwrap().user_id;
    (server, client, alice)
}

async fn open(server: &TestServer, client: &Client) -> Tokens {
    server.clock.advance(Duration::from_secs(1));
    client.open("alice", PASSWORD).await
}

fn revoked() -> Refused {
    Refused::unauthenticated("TOKEN_REVOKED")
}

#[tokio::test]
async fn one_session_too_many_ends_the_longest_idle_one() {
    let (server, client, alice) = start(Some(3)).await;
    let admin = server.admin("root").await;
    let first = open(&server, &client).await;
    let second = open(&server, &client).await;
    let third = open(&server, &client).await;
    server.clock.advance(Duration::from_secs(1));
    client.refresh(&first.refresh_token, &[1; 16]).await.unwrap();
    let fourth = open(&server, &client).await;
    assert_eq!(client.greet(Credentials::Bearer(&second.token)).await.unwrap_err(), revoked());
    assert_eq!(client.refresh(&second.refresh_token, &[1; 16]).await.unwrap_err(), revoked());
    for living in [&first, &third, &fourth] {
        client.greet(Credentials::Bearer(&living.token)).await.unwrap();
    }
    let events = admin.events(&alice, SecurityEventKind::SessionEvicted).await;
    let [event] = &events[..] else { panic!("{events:?}") };
    assert_eq!((&event.session_id, event.count), (&second.session_id, 1));

    // What is over takes no place.
    client.revoke_token(&fourth.token).await.unwrap();
    let fifth = open(&server, &client).await;
    for living in [&first, &third, &fifth] {
        client.greet(Credentials::Bearer(&living.token)).await.unwrap();
    }
    assert_eq!(admin.events(&alice, SecurityEventKind::SessionEvicted).await.len(), 1);
}

#[tokio::test]
async fn a_lower_limit_ends_what_is_too_much_at_the_next_sign_in() {
    let (server, client, _) = start(None).await;
    let mut opened = Vec::new();
    for _ in 0..70 {
        opened.push(open(&server, &client).await);
    }
    let listed = client.list_sessions(Credentials::Basic("alice", PASSWORD), "").await.unwrap();
    assert_eq!(listed.len(), 70, "without a limit there is none");
    drop(client);
    let server = server.restart_with(|config| config.policy.sessions.per_user = Some(2)).await;
    let client = server.client().await;
    server.clock.advance(Duration::from_secs(1));
    client.refresh(&opened[0].refresh_token, &[1; 16]).await.unwrap();
    let last = open(&server, &client).await;
    let listed = client.list_sessions(Credentials::Bearer(&last.token), "").await.unwrap();
    let ids: Vec<_> = listed.iter().map(|session| session.session_id.as_str()).collect();
    assert_eq!(ids, [&last.session_id, &opened[0].session_id]);
    for ended in &opened[1..] {
        assert_eq!(client.refresh(&ended.refresh_token, &[1; 16]).await.unwrap_err(), revoked());
        assert_eq!(client.greet(Credentials::Bearer(&ended.token)).await.unwrap_err(), revoked());
    }
    assert_eq!(server.query_number("SELECT count FROM security_events WHERE kind = 3").await, 69);
}

#[tokio::test]
async fn a_service_may_have_as_many_sessions_as_it_likes() {
    let (server, client, alice) = start(Some(2)).await;
    let admin = server.admin("root").await;
    admin.set_roles(&alice, &["service"]).await.unwrap();
    let mut opened = Vec::new();
    for _ in 0..5 {
        opened.push(open(&server, &client).await);
    }
    for tokens in &opened {
        client.greet(Credentials::Bearer(&tokens.token)).await.unwrap();
    }
    assert!(admin.events(&alice, SecurityEventKind::SessionEvicted).await.is_empty());
}

/// A page of somebody else may have a browser open them by a password that it remembers.
#[tokio::test]
async fn sessions_of_the_older_api_end_each_other_and_none_of_the_apis() {
    for (per_user, roles, ended) in [
        (Some(1), &[][..], 4),
        (Some(2), &[], 4),
        (Some(8), &[], 3),
        (None, &[], 0),
        (Some(1), &["service"], 0),
    ] {
        let (server, client, alice) = start(per_user).await;
        let admin = server.admin("root").await;
        admin.set_roles(&alice, roles).await.unwrap();
        let own = open(&server, &client).await;
        let mut older = Vec::new();
        for _ in 0..5 {
            server.clock.advance(Duration::from_secs(1));
            let issued = Ask::get("/api/token").with(&Credentials::Basic("alice", PASSWORD));
            let issued = issued.send(server.address).await.ok();
            older.push(issued["token"].as_str().unwrap().to_owned());
        }
        client.refresh(&own.refresh_token, &[1; 16]).await.expect("it is as it was");
        for (index, token) in older.iter().enumerate() {
            let greeted = client.greet(Credentials::Bearer(token)).await;
            assert_eq!(greeted.is_err(), index < ended, "{per_user:?} {index}");
        }
        // Nor do those of the API end them.
        let newest = Credentials::Bearer(&older[4]);
        open(&server, &client).await;
        open(&server, &client).await;
        client.greet(newest).await.unwrap();
    }
}

#[tokio::test]
async fn the_default_limit_is_64() {
    let server = TestServer::start().await;
    let client = server.client().await;
    client.create_user("alice", PASSWORD).await.unwrap();
    let first = open(&server, &client).await;
    for _ in 1..64 {
        open(&server, &client).await;
    }
    client.greet(Credentials::Bearer(&first.token)).await.unwrap();
    open(&server, &client).await;
    assert_eq!(client.greet(Credentials::Bearer(&first.token)).await.unwrap_err(), revoked());
}

#[tokio::test]
async fn who_signs_in_and_out_in_a_loop_fills_nothing_and_locks_nobody_out() {
    let (server, client, _) = start(Some(64)).await;
    client.create_user("bob", PASSWORD).await.unwrap();
    let of_bob = client.open("bob", PASSWORD).await;
    let mut bystander = client.open("alice", PASSWORD).await;
    let (mut ended, mut refreshes) = (Vec::new(), 0);
    let revocations = "SELECT COUNT(*) FROM revocations";
    for round in 0..200_u8 {
        let tokens = client.open("alice", PASSWORD).await;
        client.greet(Credentials::Bearer(&tokens.token)).await.unwrap();
        client.revoke_token(&tokens.token).await.unwrap();
        ended.push(tokens);
        assert!(server.query_number(revocations).await <= 129, "round {round}");
        // A token may end with the others of its user; its session does not.
        if client.greet(Credentials::Bearer(&bystander.token)).await.is_err() {
            refreshes += 1;
            let refreshed = client.refresh(&bystander.refresh_token, &[round; 16]).await.unwrap();
            bystander =
                Tokens { token: refreshed.token, refresh_token: refreshed.refresh_token, ..bystander };
            client.greet(Credentials::Bearer(&bystander.token)).await.unwrap();
        }
    }
    assert_eq!(refreshes, 1, "its tokens were revoked together, once");
    drop(client);
    let server = server.restart_with(|_| {}).await;
    let client = server.client().await;
    for tokens in &ended {
        assert_eq!(client.greet(Credentials::Bearer(&tokens.token)).await.unwrap_err(), revoked());
        assert_eq!(client.refresh(&tokens.refresh_token, &[1; 16]).await.unwrap_err(), revoked());
    }
    client.greet(Credentials::Bearer(&bystander.token)).await.unwrap();
    client.greet(Credentials::Bearer(&of_bob.token)).await.unwrap();
    let fresh = client.open("alice", PASSWORD).await;
    client.greet(Credentials::Bearer(&fresh.token)).await.unwrap();
    server.clock.advance(Duration::from_secs(661));
    let client = server.client().await;
    client.refresh(&bystander.refresh_token, &[255; 16]).await.unwrap();
}

#[tokio::test]
async fn a_sign_in_that_evicts_in_a_loop_gets_a_token_that_works() {
    let (server, client, _) = start(Some(1)).await;
    let mut before: Option<Tokens> = None;
    for round in 0..200 {
        let tokens = client.open("alice", PASSWORD).await;
        client.greet(Credentials::Bearer(&tokens.token)).await.unwrap();
        if let Some(before) = &before {
            let refused = client.greet(Credentials::Bearer(&before.token)).await.unwrap_err();
            assert_eq!(refused, revoked(), "{round}");
        }
        before = Some(tokens);
    }
    assert!(server.query_number("SELECT COUNT(*) FROM revocations").await <= 129);
}
