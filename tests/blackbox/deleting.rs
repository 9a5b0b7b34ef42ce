//! DeleteUser, and the admin who must not be the last to go.

use std::time::Duration;

use countersign::pb::auth::v1::{IssueTokenRequest, ListUsersRequest, SecurityEventKind};
use tonic::Code;

use crate::harness::{AdminClient, Client, Credentials, PASSWORD, Refused, TestServer};

const DAY: Duration = Duration::from_secs(86_400);

/// A server with the admin root and alice.
async fn start() -> (TestServer, Client, AdminClient, String) {
    let server = TestServer::start().await;
    let client = server.client().await;
    let admin = server.admin("root").await;
    let alice = client.create_user("alice", PASSWORD).await.unwrap().user_id;
    (server, client, admin, alice)
}

fn invalid() -> Refused {
    Refused::unauthenticated("CREDENTIALS_INVALID")
}

fn revoked() -> Refused {
    Refused::unauthenticated("TOKEN_REVOKED")
}

fn no_user() -> Refused {
    Refused::new(Code::NotFound, "USER_NOT_FOUND")
}

#[tokio::test]
async fn who_deletes_itself_proves_its_password() {
    let (server, client, admin, alice) = start().await;
    let tokens = client.open("alice", PASSWORD).await;
    for credentials in [Credentials::Bearer(&tokens.token), Credentials::Basic("alice", PASSWORD)] {
        for user_id in ["me", &alice] {
            let missing = client.delete_user(credentials.clone(), user_id, "").await.unwrap_err();
            assert_eq!(missing, Refused::field("current_password"));
            let wrong = client.delete_user(credentials.clone(), user_id, "wrong password").await.unwrap_err();
            assert_eq!(wrong, invalid());
        }
    }
    client.greet(Credentials::Bearer(&tokens.token)).await.unwrap();
    client.delete_user(Credentials::Bearer(&tokens.token), "me", PASSWORD).await.unwrap();
    assert_eq!(client.greet(Credentials::Bearer(&tokens.token)).await.unwrap_err(), revoked());
    assert_eq!(client.refresh(&tokens.refresh_token, &[1; 16]).await.unwrap_err(), revoked());
    assert_eq!(client.greet(Credentials::Basic("alice", PASSWORD)).await.unwrap_err(), invalid());
    let events = admin.events(&alice, SecurityEventKind::UserDeleted).await;
    let [event] = &events[..] else { panic!("{events:?}") };
    assert_eq!((event.detail.as_str(), event.actor_id.as_str()), ("alice", ""));
    let hashes = "SELECT COUNT(*) FROM users WHERE password_hash <> ''";
    assert_eq!(server.query_number(hashes).await, 1, "nothing is kept that nobody needs");
}

#[tokio::test]
async fn the_tokens_of_a_deleted_user_are_revoked_ones_at_every_replica() {
    let (server, client, _, alice) = start().await;
    let replica = server.replica().await;
    let other = replica.client().await;
    let tokens = client.open("alice", PASSWORD).await;
    client.delete_user(Credentials::Basic("root", PASSWORD), &alice, "").await.unwrap();
    for client in [&client, &other] {
        assert_eq!(client.refresh(&tokens.refresh_token, &[1; 16]).await.unwrap_err(), revoked());
        let exchange = client.issue(Credentials::Bearer(&tokens.token), IssueTokenRequest::default()).await;
        assert_eq!(exchange.unwrap_err(), revoked());
        for token in [&tokens.token, &tokens.refresh_token] {
            client.revoke_token(token).await.unwrap();
        }
    }
}

#[tokio::test]
async fn an_admin_deletes_others_without_their_password_and_nobody_else_does() {
    let (_server, client, admin, alice) = start().await;
    let root = client.get_user(Credentials::Basic("root", PASSWORD), "me").await.unwrap().user_id;
    client.create_user("bob", PASSWORD).await.unwrap();
    for user_id in [alice.as_str(), "0193b4a0-5f6e-7c3a-8d5e-1f2a3b4c5d6e"] {
        let refused = client.delete_user(Credentials::Basic("bob", PASSWORD), user_id, PASSWORD).await;
        assert_eq!(refused.unwrap_err(), Refused::new(Code::PermissionDenied, "ROLE_REQUIRED"), "{user_id}");
    }
    for user_id in ["", "x", "Me"] {
        let refused = client.delete_user(Credentials::Basic("bob", PASSWORD), user_id, PASSWORD).await;
        assert_eq!(refused.unwrap_err(), Refused::field("user_id"), "{user_id:?}");
    }
    client.delete_user(Credentials::Basic("root", PASSWORD), &alice, "").await.unwrap();
    assert_eq!(client.greet(Credentials::Basic("alice", PASSWORD)).await.unwrap_err(), invalid());
    let events = admin.events(&alice, SecurityEventKind::UserDeleted).await;
    let [event] = &events[..] else { panic!("{events:?}") };
    assert_eq!((&event.actor_id, event.detail.as_str()), (&root, "alice"));
}

#[tokio::test]
async fn a_deleted_user_is_not_there() {
    let (_server, client, admin, alice) = start().await;
    let root = Credentials::Basic("root", PASSWORD);
    client.open("alice", PASSWORD).await;
    client.delete_user(root.clone(), &alice, "").await.unwrap();
    assert_eq!(client.get_user(root.clone(), &alice).await.unwrap_err(), no_user());
    assert_eq!(client.list_sessions(root.clone(), &alice).await.unwrap_err(), no_user());
    assert_eq!(client.revoke_all_sessions(root.clone(), &alice, false).await.unwrap_err(), no_user());
    assert_eq!(client.delete_user(root, &alice, "").await.unwrap_err(), no_user());
    assert_eq!(admin.disable_user(&alice).await.unwrap_err(), no_user());
    assert_eq!(admin.enable_user(&alice).await.unwrap_err(), no_user());
    assert_eq!(admin.set_roles(&alice, &["admin"]).await.unwrap_err(), no_user());
    assert_eq!(admin.create_reset_code(&alice).await.unwrap_err(), no_user());
    for username in ["", "alice"] {
        let message = ListUsersRequest { username: username.to_owned(), ..Default::default() };
        let users = admin.list_users(message).await.unwrap().users;
        assert!(users.iter().all(|user| user.username == "root"), "{users:?}");
    }
}

#[tokio::test]
async fn a_deleted_users_name_rests_for_90_days_and_its_id_for_ever() {
    let (server, client, _, alice) = start().await;
    client.delete_user(Credentials::Basic("alice", PASSWORD), "me", PASSWORD).await.unwrap();
    let taken = Refused::new(Code::AlreadyExists, "USERNAME_TAKEN");
    for name in ["alice", "Alice", "ALICE"] {
        assert_eq!(client.create_user(name, PASSWORD).await.unwrap_err(), taken);
    }
    server.clock.advance(DAY * 90 - Duration::from_millis(1));
    assert_eq!(client.create_user("alice", PASSWORD).await.unwrap_err(), taken);
    server.clock.advance(Duration::from_millis(1));
    let another = client.create_user("Alice", PASSWORD).await.unwrap();
    assert_ne!(another.user_id, alice);
    let root = Credentials::Basic("root", PASSWORD);
    assert_eq!(client.get_user(root.clone(), &alice).await.unwrap_err(), no_user());
    assert_eq!(client.get_user(root, &another.user_id).await.unwrap().username, "Alice");
    client.open("alice", PASSWORD).await;
    assert_eq!(client.create_user("alice", PASSWORD).await.unwrap_err(), taken);
}

#[tokio::test]
async fn the_last_admin_stays() {
    let (server, client, mut admin, alice) = start().await;
    let basic = Credentials::Basic("root", PASSWORD);
    let root = client.get_user(basic.clone(), "me").await.unwrap().user_id;
    let last = Refused::new(Code::FailedPrecondition, "LAST_ADMIN");
    // Neither a user whose role is merely alike nor an admin who is disabled is another admin.
    admin.set_roles(&alice, &["administrator", "not-admin", "sysadmin"]).await.unwrap();
    client.create_user("carol", PASSWORD).await.unwrap();
    server.execute_sql("UPDATE users SET roles = 'admin', state = 2 WHERE name_shown = 'carol'").await;
    assert_eq!(client.delete_user(basic.clone(), "me", PASSWORD).await.unwrap_err(), last);
    assert_eq!(admin.disable_user(&root).await.unwrap_err(), last);
    assert_eq!(admin.set_roles(&root, &[]).await.unwrap_err(), last);
    assert_eq!(admin.set_roles(&root, &["service", "zeta"]).await.unwrap_err(), last);
    client.greet(basic.clone()).await.unwrap();

    for roles in [&["admin"][..], &["aaa", "admin"], &["admin", "zzz"], &["aaa", "admin", "zzz"]] {
        admin.set_roles(&alice, roles).await.unwrap();
        let as_alice = AdminClient::new(server.channel().await, &client.sign_in("alice", PASSWORD).await);
        as_alice.disable_user(&root).await.unwrap();
        as_alice.enable_user(&root).await.unwrap();
        let refreshed = client.sign_in("root", PASSWORD).await;
        admin = AdminClient::new(server.channel().await, &refreshed);
        admin.set_roles(&alice, &[]).await.unwrap();
    }
}

#[tokio::test]
async fn an_admin_who_is_not_the_last_may_go() {
    let (_server, client, admin, alice) = start().await;
    admin.set_roles(&alice, &["admin"]).await.unwrap();
    client.delete_user(Credentials::Basic("root", PASSWORD), "me", "").await.unwrap_err();
    client.delete_user(Credentials::Basic("root", PASSWORD), "me", PASSWORD).await.unwrap();
    assert_eq!(client.greet(Credentials::Basic("root", PASSWORD)).await.unwrap_err(), invalid());
    client.get_user(Credentials::Basic("alice", PASSWORD), &alice).await.unwrap();
}
