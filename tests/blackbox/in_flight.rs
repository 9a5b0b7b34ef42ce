//! What changes while a password is being hashed decides, and not what was true before.

use countersign::auth::Registration;
use countersign::pb::auth::v1::IssueTokenRequest;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use crate::harness::{Client, Credentials, PASSWORD, Refused, TestServer};

/// A server with alice and the admin root, whose hashes take about a quarter of a second, one after the other.
async fn slow_server() -> TestServer {
    let server = TestServer::start().await;
    let client = server.client().await;
    for name in ["alice", "root"] {
        client.create_user(name, PASSWORD).await.unwrap();
    }
    server.execute_sql("UPDATE users SET roles = 'admin' WHERE name_shown = 'root'").await;
    server
        .restart_with(|config| {
            config.policy.registration = Registration::Closed;
            config.hasher.memory_kib = 64 * 1024;
            config.hasher.passes = 4;
            config.hasher.hash_memory_mib = Some(64);
        })
        .await
}

/// Fills the one place for hashes, so that what is called next waits behind it with its user already read.
fn keep_busy(client: &Client) -> tokio::task::JoinHandle<()> {
    let client = client.clone();
    tokio::spawn(async move {
        client.greet(Credentials::Basic("nobody", PASSWORD)).await.unwrap_err();
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_disabled_during_the_hash_is_refused_on_every_path() {
    for change in ["state = 2", "epoch = epoch + 1"] {
        let server = slow_server().await;
        let channel = server.channel().await;
        let client = Client::new(channel.clone());
        let busy = keep_busy(&client);
        let mut calls = tokio::task::JoinSet::new();
        let (greeting, looking, issuing) = (client.clone(), client.clone(), client.clone());
        calls.spawn(async move { greeting.greet(Credentials::Basic("alice", PASSWORD)).await.err() });
        calls.spawn(async move { looking.get_user(Credentials::Basic("alice", PASSWORD), "me").await.err() });
        let request = IssueTokenRequest::default();
        calls.spawn(async move { issuing.issue(Credentials::Basic("alice", PASSWORD), request).await.err() });
        tokio::task::yield_now().await;
        HealthClient::new(channel).check(HealthCheckRequest::default()).await.unwrap();
        server.execute_sql(&format!("UPDATE users SET {change}")).await;
        for outcome in calls.join_all().await {
            assert_eq!(outcome, Some(Refused::unauthenticated("CREDENTIALS_INVALID")), "{change}");
        }
        busy.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_admin_who_is_disabled_during_the_new_users_hash_makes_none() {
    let server = slow_server().await;
    let channel = server.channel().await;
    let client = Client::new(channel.clone());
    let token = client.sign_in("root", PASSWORD).await;
    let busy = keep_busy(&client);
    // By token: the admin is proven at once, and all that takes time is the new user's hash.
    let call =
        tokio::spawn(
            async move { client.create_user_as(Credentials::Bearer(&token), "carol", PASSWORD).await },
        );
    tokio::task::yield_now().await;
    HealthClient::new(channel).check(HealthCheckRequest::default()).await.unwrap();
    server.execute_sql("UPDATE users SET state = 2 WHERE name_shown = 'root'").await;
    assert_eq!(call.await.unwrap().unwrap_err(), Refused::unauthenticated("CREDENTIALS_INVALID"));
    assert_eq!(server.query_number("SELECT COUNT(*) FROM users").await, 2);
    busy.await.unwrap();
}
