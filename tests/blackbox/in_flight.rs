//! What changes while a password is being hashed decides, and not what was true before.

use std::sync::Arc;

use countersign::domain::Registration;
use countersign::pb::auth::v1::IssueTokenRequest;

use crate::harness::{Credentials, Gate, PASSWORD, Refused, TestServer, on_postgres};

/// The row of alice has another price than today's, so that a sign-in writes it anew after its hash; at this moment, in the
/// same statement, `change` happens to her.
async fn change_during_sign_in(change: &str) -> TestServer {
    let server = TestServer::start().await;
    server.client().await.create_user("alice", PASSWORD).await.unwrap();
    let server = server.restart_with(|config| config.hasher.passes = 2).await;
    let change = format!("UPDATE users SET {change} WHERE id = NEW.id;");
    let trigger = "CREATE TRIGGER meanwhile AFTER UPDATE OF password_hash ON users";
    let sql = match on_postgres() {
        true => format!(
            "CREATE FUNCTION change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN {change} RETURN NULL; END'; \
             {trigger} FOR EACH ROW EXECUTE FUNCTION change()"
        ),
        false => format!("{trigger} BEGIN {change} END"),
    };
    server.execute_sql(&sql).await;
    server
}

#[tokio::test]
async fn who_is_disabled_during_the_hash_is_refused_on_every_path() {
    let alice = Credentials::Basic("alice", PASSWORD);
    let invalid = Refused::unauthenticated("CREDENTIALS_INVALID");
    for change in ["state = 2", "epoch = epoch + 1"] {
        let server = change_during_sign_in(change).await;
        assert_eq!(server.client().await.greet(alice.clone()).await.unwrap_err(), invalid, "{change}");
        let server = change_during_sign_in(change).await;
        assert_eq!(
            server.client().await.get_user(alice.clone(), "me").await.unwrap_err(),
            invalid,
            "{change}"
        );
        let server = change_during_sign_in(change).await;
        let issued = server.client().await.issue(alice.clone(), IssueTokenRequest::default()).await;
        assert_eq!(issued.unwrap_err(), invalid, "{change}");
        assert_eq!(server.query_number("SELECT COUNT(*) FROM sessions").await, 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_admin_who_is_disabled_during_the_new_users_hash_makes_none() {
    let gate = Arc::new(Gate::new(7));
    let server = TestServer::start_on(gate.clone()).await;
    server.admin("root").await;
    let server = server.restart_with(|config| config.policy.registration = Registration::Closed).await;
    let client = server.client().await;
    let token = client.sign_in("root", PASSWORD).await;
    // By token: the admin is proven at once, and what is drawn first is the salt of the new user's hash.
    gate.close_after(0);
    let call =
        tokio::spawn(
            async move { client.create_user_as(Credentials::Bearer(&token), "carol", PASSWORD).await },
        );
    gate.reached().await;
    server.execute_sql("UPDATE users SET state = 2 WHERE name_shown = 'root'").await;
    gate.open();
    assert_eq!(call.await.unwrap().unwrap_err(), Refused::unauthenticated("TOKEN_REVOKED"));
    assert_eq!(server.query_number("SELECT COUNT(*) FROM users").await, 1);
}
