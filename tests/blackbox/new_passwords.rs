//! ChangePassword and ResetPassword: a new password for whoever knows the old one, or holds a code.

use std::time::Duration;

use countersign::pb::auth::v1::SecurityEventKind;

use crate::harness::{AdminClient, Client, Credentials, PASSWORD, Refused, TestServer};

const NEW: &str = "battery horse correct";
const HOUR: Duration = Duration::from_secs(3600);

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

/// Which of the two passwords is alice's.
async fn check_password(client: &Client, good: &str, bad: &str) {
    client.greet(Credentials::Basic("alice", good)).await.unwrap();
    assert_eq!(client.greet(Credentials::Basic("alice", bad)).await.unwrap_err(), invalid());
}

#[tokio::test]
async fn a_changed_password_ends_every_session_and_opens_a_fresh_one() {
    let (_server, client, admin, alice) = start().await;
    let old = [client.open("alice", PASSWORD).await, client.open("alice", PASSWORD).await];
    let fresh = client.change_password(Credentials::Bearer(&old[0].token), PASSWORD, NEW).await.unwrap();
    for tokens in &old {
        assert_eq!(client.greet(Credentials::Bearer(&tokens.token)).await.unwrap_err(), revoked());
        assert_eq!(client.refresh(&tokens.refresh_token, &[1; 16]).await.unwrap_err(), revoked());
        assert_ne!(tokens.session_id, fresh.session_id);
    }
    assert_eq!((fresh.token_type.as_str(), fresh.duration.unwrap().seconds), ("Bearer", 600));
    let caller = client.caller(Credentials::Bearer(&fresh.token)).await;
    assert_eq!((caller.user_id, caller.session_id), (alice.clone(), fresh.session_id.clone()));
    let next = client.refresh(&fresh.refresh_token, &[1; 16]).await.unwrap();
    let listed = client.list_sessions(Credentials::Bearer(&next.token), "").await.unwrap();
    assert_eq!(listed.len(), 1);
    check_password(&client, NEW, PASSWORD).await;
    let events = admin.events(&alice, SecurityEventKind::PasswordChanged).await;
    assert_eq!(events.len(), 1);
}

#[tokio::test]
async fn a_password_is_changed_by_whoever_proves_the_old_one_on_every_path() {
    let (_server, client, _, _) = start().await;
    let by_password = client.change_password(Credentials::Basic("alice", PASSWORD), PASSWORD, NEW).await;
    let fresh = by_password.unwrap();
    client.greet(Credentials::Bearer(&fresh.token)).await.unwrap();
    check_password(&client, NEW, PASSWORD).await;
    let as_name = client.change_password(Credentials::Basic(&fresh.token, "x"), NEW, PASSWORD).await;
    assert_eq!(client.greet(Credentials::Bearer(&fresh.token)).await.unwrap_err(), revoked());
    client.greet(Credentials::Bearer(&as_name.unwrap().token)).await.unwrap();
    // The same one again is a change too: every session ends.
    let before = client.open("alice", PASSWORD).await;
    client.change_password(Credentials::Bearer(&before.token), PASSWORD, PASSWORD).await.unwrap();
    assert_eq!(client.greet(Credentials::Bearer(&before.token)).await.unwrap_err(), revoked());
    client.greet(Credentials::Basic("alice", PASSWORD)).await.unwrap();
}

#[tokio::test]
async fn a_refused_change_changes_nothing() {
    let (_server, client, admin, alice) = start().await;
    let tokens = client.open("alice", PASSWORD).await;
    let long = "long ".repeat(26);
    for (current, new, expected) in [
        ("wrong password", NEW, invalid()),
        (NEW, NEW, invalid()),
        ("", NEW, Refused::field("current_password")),
        (PASSWORD, "", Refused::field("new_password")),
        (PASSWORD, "seven77", Refused::field("new_password")),
        (PASSWORD, &long, Refused::field("new_password")),
        (PASSWORD, "password1", Refused::field("new_password")),
        (PASSWORD, "Countersign", Refused::field("new_password")),
        ("wrong password", "seven77", Refused::field("new_password")),
        // A common password is refused to whoever has proven the old one.
        ("wrong password", "password1", invalid()),
    ] {
        for credentials in [Credentials::Bearer(&tokens.token), Credentials::Basic("alice", PASSWORD)] {
            let refused = client.change_password(credentials, current, new).await.unwrap_err();
            assert_eq!(refused, expected, "{current:?} {new:?}");
        }
    }
    let without = client.change_password(Credentials::None, PASSWORD, NEW).await.unwrap_err();
    assert_eq!(without, Refused::unauthenticated("CREDENTIALS_MISSING"));
    client.greet(Credentials::Bearer(&tokens.token)).await.unwrap();
    client.refresh(&tokens.refresh_token, &[1; 16]).await.unwrap();
    check_password(&client, PASSWORD, NEW).await;
    assert!(admin.events(&alice, SecurityEventKind::PasswordChanged).await.is_empty());
}

#[tokio::test]
async fn a_reset_code_sets_a_password_once() {
    let (server, client, admin, alice) = start().await;
    let tokens = client.open("alice", PASSWORD).await;
    let issued = admin.create_reset_code(&alice).await.unwrap();
    assert!(issued.reset_code.starts_with("csp_") && issued.reset_code.len() == 90);
    assert_eq!(issued.expire_time.unwrap().seconds, 1_767_225_600 + 3600);
    client.greet(Credentials::Bearer(&tokens.token)).await.unwrap();
    check_password(&client, PASSWORD, NEW).await;

    client.reset_password(&issued.reset_code, NEW).await.unwrap();
    assert_eq!(client.greet(Credentials::Bearer(&tokens.token)).await.unwrap_err(), revoked());
    assert_eq!(client.refresh(&tokens.refresh_token, &[1; 16]).await.unwrap_err(), revoked());
    check_password(&client, NEW, PASSWORD).await;
    let again = client.reset_password(&issued.reset_code, PASSWORD).await;
    assert_eq!(again.unwrap_err(), invalid());
    check_password(&client, NEW, PASSWORD).await;
    for kind in [SecurityEventKind::PasswordReset, SecurityEventKind::ResetCodeCreated] {
        assert_eq!(admin.events(&alice, kind).await.len(), 1, "{kind:?}");
    }
    assert_eq!(server.query_number("SELECT COUNT(*) FROM reset_codes").await, 0);
}

#[tokio::test]
async fn of_many_who_spend_one_reset_code_at_once_one_does() {
    let (server, client, admin, alice) = start().await;
    let code = admin.create_reset_code(&alice).await.unwrap().reset_code;
    let mut calls = tokio::task::JoinSet::new();
    for number in 0..20 {
        let (client, code) = (server.client().await, code.clone());
        calls.spawn(async move { client.reset_password(&code, &format!("{NEW} {number}")).await });
    }
    let answers = calls.join_all().await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
    assert_eq!(answers.into_iter().filter(|answer| *answer == Err(invalid())).count(), 19);
    assert_eq!(client.greet(Credentials::Basic("alice", PASSWORD)).await.unwrap_err(), invalid());
}

#[tokio::test]
async fn a_reset_code_works_for_an_hour() {
    let (server, client, admin, alice) = start().await;
    let code = admin.create_reset_code(&alice).await.unwrap().reset_code;
    server.clock.advance(HOUR);
    assert_eq!(client.reset_password(&code, NEW).await.unwrap_err(), invalid());
    check_password(&client, PASSWORD, NEW).await;
    let admin = AdminClient::new(server.channel().await, &client.sign_in("root", PASSWORD).await);
    let code = admin.create_reset_code(&alice).await.unwrap().reset_code;
    server.clock.advance(HOUR - Duration::from_millis(1));
    client.reset_password(&code, NEW).await.unwrap();
}

#[tokio::test]
async fn a_reset_code_is_worthless_once_something_took_its_place() {
    let (_server, client, admin, alice) = start().await;
    let replaced = admin.create_reset_code(&alice).await.unwrap().reset_code;
    let code = admin.create_reset_code(&alice).await.unwrap().reset_code;
    assert_eq!(client.reset_password(&replaced, NEW).await.unwrap_err(), invalid());
    client.reset_password(&code, NEW).await.unwrap();

    let code = admin.create_reset_code(&alice).await.unwrap().reset_code;
    client.change_password(Credentials::Basic("alice", NEW), NEW, PASSWORD).await.unwrap();
    assert_eq!(client.reset_password(&code, NEW).await.unwrap_err(), invalid());

    let code = admin.create_reset_code(&alice).await.unwrap().reset_code;
    admin.disable_user(&alice).await.unwrap();
    assert_eq!(client.reset_password(&code, NEW).await.unwrap_err(), invalid());
    admin.enable_user(&alice).await.unwrap();
    assert_eq!(client.reset_password(&code, NEW).await.unwrap_err(), invalid());
    admin.disable_user(&alice).await.unwrap();
    let while_disabled = admin.create_reset_code(&alice).await.unwrap().reset_code;
    assert_eq!(client.reset_password(&while_disabled, NEW).await.unwrap_err(), invalid());
    admin.enable_user(&alice).await.unwrap();
    check_password(&client, PASSWORD, NEW).await;
    client.reset_password(&while_disabled, NEW).await.unwrap();

    let code = admin.create_reset_code(&alice).await.unwrap().reset_code;
    client.delete_user(Credentials::Basic("root", PASSWORD), &alice, "").await.unwrap();
    assert_eq!(client.reset_password(&code, NEW).await.unwrap_err(), invalid());
}

#[tokio::test]
async fn a_refused_new_password_leaves_the_code_good() {
    let (_server, client, admin, alice) = start().await;
    let code = admin.create_reset_code(&alice).await.unwrap().reset_code;
    for new in ["", "seven77", "password1", "Countersign", &"long ".repeat(26)] {
        let refused = client.reset_password(&code, new).await.unwrap_err();
        assert_eq!(refused, Refused::field("new_password"), "{new:?}");
    }
    check_password(&client, PASSWORD, NEW).await;
    client.reset_password(&code, NEW).await.unwrap();
    check_password(&client, NEW, PASSWORD).await;
}

#[tokio::test]
async fn what_is_no_reset_code_sets_nothing() {
    let (_server, client, admin, alice) = start().await;
    let code = admin.create_reset_code(&alice).await.unwrap().reset_code;
    let tokens = client.open("alice", PASSWORD).await;
    let mut forged = code.clone();
    forged.replace_range(10..=10, if &code[10..=10] == "A" { "B" } else { "A" });
    for garbage in ["", "csp_", "x", &forged, &code[4..], &tokens.token, &tokens.refresh_token] {
        let refused = client.reset_password(garbage, NEW).await.unwrap_err();
        assert_eq!(refused, invalid(), "{garbage:?}");
    }
    check_password(&client, PASSWORD, NEW).await;
}
