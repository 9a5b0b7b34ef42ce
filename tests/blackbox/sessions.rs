//! Sessions as their owners and admins see them: ListSessions, RevokeSession and RevokeAllSessions.

use std::time::Duration;

use countersign::pb::auth::v1::{IssueTokenRequest, SecurityEventKind, Session};
use tonic::Code;
use tonic::transport::Endpoint;

use crate::harness::{Client, Credentials, PASSWORD, Refused, TestServer};

const ABSENT: &str = "0193b4a0-5f6e-7c3a-8d5e-1f2a3b4c5d6e";
const START: i64 = 1_767_225_600;

async fn start() -> (TestServer, Client, String) {
    let server = TestServer::start().await;
    let client = server.client().await;
    let alice = client.create_user("alice", PASSWORD).await.unwrap().user_id;
    (server, client, alice)
}

/// A client that calls itself so.
async fn client_called(server: &TestServer, name: &str) -> Client {
    let endpoint = Endpoint::from_shared(format!("http://{}", server.address)).unwrap();
    Client::new(endpoint.user_agent(name).unwrap().connect().await.unwrap())
}

fn revoked() -> Refused {
    Refused::unauthenticated("TOKEN_REVOKED")
}

fn role_required() -> Refused {
    Refused::new(Code::PermissionDenied, "ROLE_REQUIRED")
}

fn not_found() -> Refused {
    Refused::new(Code::NotFound, "SESSION_NOT_FOUND")
}

fn ids(sessions: &[Session]) -> Vec<&str> {
    sessions.iter().map(|session| session.session_id.as_str()).collect()
}

#[tokio::test]
async fn a_session_is_listed_with_what_its_owner_knows_it_by() {
    let (server, _, _) = start().await;
    let phone = client_called(&server, "phone/1.0").await;
    let opened = phone.open("alice", PASSWORD).await;
    server.clock.advance(Duration::from_secs(86_400));
    let laptop = client_called(&server, "laptop/2.0").await;
    let refreshed = laptop.refresh(&opened.refresh_token, &[1; 16]).await.unwrap();
    let listed = laptop.list_sessions(Credentials::Bearer(&refreshed.token), "").await.unwrap();
    let [session] = &listed[..] else { panic!("{listed:?}") };
    assert_eq!(session.session_id, opened.session_id);
    assert_eq!(session.create_time.unwrap().seconds, START);
    assert_eq!(session.last_use_time.unwrap().seconds, START + 86_400);
    assert_eq!(session.expire_time.unwrap().seconds, START + 8 * 86_400, "a week after the last use");
    assert!(session.user_agent.starts_with("laptop/2.0"), "{}", session.user_agent);
    assert_eq!((session.peer.as_str(), session.current), ("127.0.0.1", true));

    // Near the absolute limit that one is told.
    let mut token = refreshed.refresh_token;
    for round in 2..=5 {
        server.clock.advance(Duration::from_secs(6 * 86_400));
        token = phone.refresh(&token, &[round; 16]).await.unwrap().refresh_token;
    }
    let listed = phone.list_sessions(Credentials::Basic("alice", PASSWORD), "me").await.unwrap();
    assert_eq!(listed[0].expire_time.unwrap().seconds, START + 30 * 86_400);
    assert_eq!(listed[0].last_use_time.unwrap().seconds, START + 25 * 86_400);
    assert!(listed[0].user_agent.starts_with("phone/1.0"));
}

#[tokio::test]
async fn live_sessions_are_listed_the_last_used_first() {
    let (server, client, alice) = start().await;
    let mut opened = Vec::new();
    for _ in 0..4 {
        opened.push(client.open("alice", PASSWORD).await);
        server.clock.advance(Duration::from_secs(1));
    }
    client.refresh(&opened[1].refresh_token, &[1; 16]).await.unwrap();
    client.revoke_token(&opened[2].token).await.unwrap();
    let order = [&opened[1], &opened[3], &opened[0]].map(|tokens| tokens.session_id.as_str());
    for user_id in ["", "me", &alice] {
        let by_token = client.list_sessions(Credentials::Bearer(&opened[3].token), user_id).await.unwrap();
        assert_eq!(ids(&by_token), order);
        let current: Vec<_> = by_token.iter().map(|session| session.current).collect();
        assert_eq!(current, [false, true, false]);
    }
    let by_password = client.list_sessions(Credentials::Basic("alice", PASSWORD), "").await.unwrap();
    assert_eq!(ids(&by_password), order);
    assert!(by_password.iter().all(|session| !session.current), "a password belongs to no session");
    server.clock.advance(Duration::from_secs(7 * 86_400));
    let listed = client.list_sessions(Credentials::Basic("alice", PASSWORD), "").await.unwrap();
    assert!(listed.is_empty(), "what is over is not shown: {listed:?}");
}

#[tokio::test]
async fn others_see_and_end_no_sessions_of_hers_but_admins_do() {
    let (server, client, alice) = start().await;
    let opened = client.open("alice", PASSWORD).await;
    client.create_user("bob", PASSWORD).await.unwrap();
    for role in ["", "service", "verifier"] {
        server.execute_sql(&format!("UPDATE users SET roles = '{role}' WHERE name_shown = 'bob'")).await;
        let token = client.sign_in("bob", PASSWORD).await;
        for credentials in [Credentials::Bearer(&token), Credentials::Basic("bob", PASSWORD)] {
            for user_id in [alice.as_str(), ABSENT] {
                let listed = client.list_sessions(credentials.clone(), user_id).await;
                assert_eq!(listed.unwrap_err(), role_required(), "{role} {user_id}");
                let ended = client.revoke_all_sessions(credentials.clone(), user_id, false).await;
                assert_eq!(ended.unwrap_err(), role_required(), "{role} {user_id}");
            }
            for session_id in [opened.session_id.as_str(), ABSENT] {
                let ended = client.revoke_session(credentials.clone(), session_id).await;
                assert_eq!(ended.unwrap_err(), not_found(), "{role} {session_id}");
            }
        }
    }
    client.greet(Credentials::Bearer(&opened.token)).await.unwrap();
    server.execute_sql("UPDATE users SET roles = 'admin' WHERE name_shown = 'bob'").await;
    let admin = client.sign_in("bob", PASSWORD).await;
    for credentials in [Credentials::Bearer(&admin), Credentials::Basic("bob", PASSWORD)] {
        let listed = client.list_sessions(credentials.clone(), &alice).await.unwrap();
        assert_eq!(ids(&listed), [&opened.session_id]);
        assert!(!listed[0].current);
        let absent = Refused::new(Code::NotFound, "USER_NOT_FOUND");
        assert_eq!(client.list_sessions(credentials.clone(), ABSENT).await.unwrap_err(), absent);
        let ended = client.revoke_all_sessions(credentials, ABSENT, false).await;
        assert_eq!(ended.unwrap_err(), absent);
    }
}

#[tokio::test]
async fn ids_that_are_none_are_refused_by_name() {
    let (_server, client, _) = start().await;
    let alice = Credentials::Basic("alice", PASSWORD);
    for id in ["x", "ME", &ABSENT.to_uppercase()] {
        let refused = client.list_sessions(alice.clone(), id).await.unwrap_err();
        assert_eq!(refused, Refused::field("user_id"), "{id}");
        let refused = client.revoke_all_sessions(alice.clone(), id, false).await.unwrap_err();
        assert_eq!(refused, Refused::field("user_id"), "{id}");
        let refused = client.revoke_session(alice.clone(), id).await.unwrap_err();
        assert_eq!(refused, Refused::field("session_id"), "{id}");
    }
    assert_eq!(client.revoke_session(alice, "").await.unwrap_err(), Refused::field("session_id"));
}

#[tokio::test]
async fn a_session_is_ended_once_by_its_owner() {
    let (server, client, alice) = start().await;
    let admin = server.admin("root").await;
    let kept = client.open("alice", PASSWORD).await;
    for credentials in [Credentials::Bearer(&kept.token), Credentials::Basic("alice", PASSWORD)] {
        let opened = client.open("alice", PASSWORD).await;
        client.revoke_session(credentials.clone(), &opened.session_id).await.unwrap();
        assert_eq!(client.greet(Credentials::Bearer(&opened.token)).await.unwrap_err(), revoked());
        assert_eq!(client.refresh(&opened.refresh_token, &[1; 16]).await.unwrap_err(), revoked());
        let again = client.revoke_session(credentials.clone(), &opened.session_id).await;
        assert_eq!(again.unwrap_err(), not_found());
        assert_eq!(client.revoke_session(credentials, ABSENT).await.unwrap_err(), not_found());
    }
    client.greet(Credentials::Bearer(&kept.token)).await.unwrap();
    client.revoke_session(Credentials::Bearer(&kept.token), &kept.session_id).await.unwrap();
    let again = client.revoke_session(Credentials::Bearer(&kept.token), &kept.session_id).await;
    assert_eq!(again.unwrap_err(), revoked(), "it was the caller's own");
    assert!(admin.events(&alice, SecurityEventKind::SessionRevoked).await.is_empty(), "her own doing");
    server.clock.advance(Duration::from_secs(1));
    let expired = client.open("alice", PASSWORD).await;
    server.clock.advance(Duration::from_secs(7 * 86_400));
    let refused = client.revoke_session(Credentials::Basic("alice", PASSWORD), &expired.session_id).await;
    assert_eq!(refused.unwrap_err(), not_found(), "it is over");
}

#[tokio::test]
async fn an_admin_ends_anybodys_session_and_it_is_noted() {
    let (server, client, alice) = start().await;
    let admin = server.admin("root").await;
    let root = Credentials::Basic("root", PASSWORD);
    let root_id = client.get_user(root.clone(), "me").await.unwrap().user_id;
    let opened = client.open("alice", PASSWORD).await;
    client.revoke_session(root.clone(), &opened.session_id).await.unwrap();
    assert_eq!(client.greet(Credentials::Bearer(&opened.token)).await.unwrap_err(), revoked());
    assert_eq!(client.revoke_session(root.clone(), &opened.session_id).await.unwrap_err(), not_found());
    let events = admin.events(&alice, SecurityEventKind::SessionRevoked).await;
    let [event] = &events[..] else { panic!("{events:?}") };
    assert_eq!((&event.session_id, &event.actor_id, event.count), (&opened.session_id, &root_id, 1));
    assert_eq!(event.peer, "127.0.0.1");
}

#[tokio::test]
async fn all_sessions_end_at_once_and_are_counted() {
    let (server, client, alice) = start().await;
    let admin = server.admin("root").await;
    let bob = client.create_user("bob", PASSWORD).await.unwrap();
    let of_bob = client.open("bob", PASSWORD).await;
    for (round, by) in ["her token", "her password", "an admin"].into_iter().enumerate() {
        let opened = [client.open("alice", PASSWORD).await, client.open("alice", PASSWORD).await]
            .map(|t| (t.token.clone(), t));
        let credentials = match by {
            "her token" => Credentials::Bearer(&opened[0].0),
            "her password" => Credentials::Basic("alice", PASSWORD),
            _ => Credentials::Basic("root", PASSWORD),
        };
        let user_id = if by == "an admin" { alice.as_str() } else { "" };
        let count = client.revoke_all_sessions(credentials, user_id, false).await.unwrap();
        assert_eq!(count, 2, "{by}");
        for (_, tokens) in &opened {
            assert_eq!(client.refresh(&tokens.refresh_token, &[1; 16]).await.unwrap_err(), revoked(), "{by}");
        }
        for (token, _) in &opened {
            assert_eq!(client.greet(Credentials::Bearer(token)).await.unwrap_err(), revoked(), "{by}");
        }
        let events = admin.events(&alice, SecurityEventKind::SessionsRevoked).await;
        assert_eq!(events.len(), round + 1);
        assert!(events.iter().all(|event| event.count == 2), "{events:?}");
        let none = client.revoke_all_sessions(Credentials::Basic("alice", PASSWORD), &alice, false).await;
        assert_eq!(none.unwrap(), 0);
        server.execute_sql("DELETE FROM security_events WHERE count = 0").await;
    }
    client.greet(Credentials::Bearer(&of_bob.token)).await.unwrap();
    client.refresh(&of_bob.refresh_token, &[1; 16]).await.unwrap();
    assert!(admin.events(&bob.user_id, SecurityEventKind::SessionsRevoked).await.is_empty());
}

#[tokio::test]
async fn the_current_session_can_be_kept_by_its_own_token_alone() {
    let (server, client, alice) = start().await;
    server.admin("root").await;
    let kept = client.open("alice", PASSWORD).await;
    let others = [client.open("alice", PASSWORD).await, client.open("alice", PASSWORD).await];
    let root = client.sign_in("root", PASSWORD).await;
    for (credentials, user_id) in [
        (Credentials::Basic("alice", PASSWORD), ""),
        (Credentials::Basic("alice", PASSWORD), alice.as_str()),
        (Credentials::Basic("root", PASSWORD), &alice),
        (Credentials::Bearer(&root), &alice),
    ] {
        let refused = client.revoke_all_sessions(credentials.clone(), user_id, true).await.unwrap_err();
        assert_eq!(refused, Refused::field("keep_current"), "{credentials:?}");
    }
    for other in &others {
        client.greet(Credentials::Bearer(&other.token)).await.unwrap();
    }
    let credentials = Credentials::Bearer(&kept.token);
    assert_eq!(client.revoke_all_sessions(credentials.clone(), &alice, true).await.unwrap(), 2);
    for other in &others {
        assert_eq!(client.greet(Credentials::Bearer(&other.token)).await.unwrap_err(), revoked());
        assert_eq!(client.refresh(&other.refresh_token, &[1; 16]).await.unwrap_err(), revoked());
    }
    client.greet(credentials.clone()).await.unwrap();
    client.issue(credentials.clone(), IssueTokenRequest::default()).await.unwrap();
    client.refresh(&kept.refresh_token, &[1; 16]).await.unwrap();
    assert_eq!(
        client.revoke_all_sessions(Credentials::Basic(&kept.token, "x"), "me", true).await.unwrap(),
        0
    );
    client.greet(credentials).await.unwrap();
}
