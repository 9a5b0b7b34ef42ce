//! What outlives a process: retries, revocations and keys, across a restart and between replicas of one database.

use std::time::Duration;

use tokio::time::timeout;
use tonic::transport::Endpoint;

use crate::harness::{
    AdminClient, Binary, Client, Credentials, Gateway, PASSWORD, Refused, TestServer, Tokens, on_postgres,
    said_no,
};

/// How long a replica may take to feel what another one did, before a test gives up on it.
const PATIENCE: Duration = Duration::from_secs(30);

async fn start() -> (TestServer, Client, Tokens) {
    let server = TestServer::start().await;
    let client = server.client().await;
    client.create_user("alice", PASSWORD).await.unwrap();
    let tokens = client.open("alice", PASSWORD).await;
    (server, client, tokens)
}

fn revoked() -> Refused {
    Refused::unauthenticated("TOKEN_REVOKED")
}

/// Asks until the token is refused.
async fn refusal_of(client: &Client, token: &str) -> Refused {
    let asking = async {
        loop {
            if let Err(refusal) = client.greet(Credentials::Bearer(token)).await {
                return refusal;
            }
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, asking).await.unwrap()
}

#[tokio::test]
async fn a_retry_after_a_restart_gives_the_same_successor() {
    let (server, client, first) = start().await;
    let second = client.refresh(&first.refresh_token, &[1; 16]).await.unwrap();
    drop(client);
    let server = server.restart_with(|_| {}).await;
    let client = server.client().await;
    let again = client.refresh(&first.refresh_token, &[1; 16]).await.unwrap();
    assert_eq!((&again.refresh_token, &again.session_id), (&second.refresh_token, &first.session_id));
    let third = client.refresh(&again.refresh_token, &[2; 16]).await.unwrap();
    drop(client);
    let server = server.restart_with(|_| {}).await;
    let client = server.client().await;
    let reused = client.refresh(&first.refresh_token, &[1; 16]).await.unwrap_err();
    assert_eq!(reused, Refused::unauthenticated("REFRESH_TOKEN_REUSED"), "nor is theft forgotten");
    assert_eq!(client.refresh(&third.refresh_token, &[3; 16]).await.unwrap_err(), revoked());
}

#[tokio::test]
async fn a_restart_forgets_no_revocation() {
    let (server, client, ended) = start().await;
    let living = client.open("alice", PASSWORD).await;
    let bob = client.create_user("bob", PASSWORD).await.unwrap();
    let of_bob = client.open("bob", PASSWORD).await;
    client.revoke_token(&ended.token).await.unwrap();
    client.revoke_all_sessions(Credentials::Bearer(&of_bob.token), &bob.user_id, false).await.unwrap();
    drop(client);
    let server = server.restart_with(|_| {}).await;
    let client = server.client().await;
    for tokens in [&ended, &of_bob] {
        assert_eq!(client.greet(Credentials::Bearer(&tokens.token)).await.unwrap_err(), revoked());
        assert_eq!(client.refresh(&tokens.refresh_token, &[1; 16]).await.unwrap_err(), revoked());
    }
    client.greet(Credentials::Bearer(&living.token)).await.unwrap();
}

#[tokio::test]
async fn a_lost_server_key_makes_refresh_tokens_and_reset_codes_garbage_and_nothing_else() {
    let (server, client, first) = start().await;
    let admin = server.admin("root").await;
    let alice = client.get_user(Credentials::Bearer(&first.token), "me").await.unwrap();
    let code = admin.create_reset_code(&alice.user_id).await.unwrap().reset_code;
    drop((client, admin));
    assert_eq!(server.execute_sql("DELETE FROM server_key").await, 1);
    let server = server.restart_with(|_| {}).await;
    let client = server.client().await;
    let refused = client.refresh(&first.refresh_token, &[1; 16]).await.unwrap_err();
    assert_eq!(refused, Refused::unauthenticated("TOKEN_INVALID"));
    let refused = client.reset_password(&code, "another fine password").await.unwrap_err();
    assert_eq!(refused, Refused::unauthenticated("CREDENTIALS_INVALID"));
    client.greet(Credentials::Bearer(&first.token)).await.unwrap();
    let fresh = client.open("alice", PASSWORD).await;
    client.refresh(&fresh.refresh_token, &[1; 16]).await.unwrap();
}

#[tokio::test]
async fn a_retry_at_another_replica_gives_the_same_successor() {
    let (server, client, first) = start().await;
    let replica = server.replica().await;
    let other = replica.client().await;
    let second = client.refresh(&first.refresh_token, &[1; 16]).await.unwrap();
    let again = other.refresh(&first.refresh_token, &[1; 16]).await.unwrap();
    assert_eq!(again.refresh_token, second.refresh_token);
    for (from, token) in [(&client, &again.token), (&other, &second.token)] {
        from.greet(Credentials::Bearer(token)).await.unwrap();
    }
    let third = other.refresh(&again.refresh_token, &[2; 16]).await.unwrap();
    let again = client.refresh(&second.refresh_token, &[2; 16]).await.unwrap();
    assert_eq!(again.refresh_token, third.refresh_token);
}

#[tokio::test]
async fn what_is_revoked_at_one_replica_is_refused_at_the_other() {
    let (server, client, _) = start().await;
    let replica = server.replica().await;
    let other = replica.client().await;
    let bystander = client.open("alice", PASSWORD).await;
    for round in 0..4 {
        let tokens = client.open("alice", PASSWORD).await;
        // Remembered as good by both.
        for from in [&client, &other] {
            from.greet(Credentials::Bearer(&tokens.token)).await.unwrap();
        }
        let (acting, feeling) = if round % 2 == 0 { (&client, &other) } else { (&other, &client) };
        acting.revoke_session(Credentials::Bearer(&tokens.token), &tokens.session_id).await.unwrap();
        // What asks the database feels it at once.
        assert_eq!(feeling.refresh(&tokens.refresh_token, &[1; 16]).await.unwrap_err(), revoked());
        let exchange = feeling.issue(Credentials::Bearer(&tokens.token), Default::default()).await;
        assert_eq!(exchange.unwrap_err(), revoked());
        assert_eq!(refusal_of(feeling, &tokens.token).await, revoked());
    }
    for from in [&client, &other] {
        from.greet(Credentials::Bearer(&bystander.token)).await.unwrap();
    }
    other.revoke_all_sessions(Credentials::Bearer(&bystander.token), "", false).await.unwrap();
    assert_eq!(refusal_of(&client, &bystander.token).await, revoked());
    replica.stop().await;
}

/// Two replicas behind something that repeats a call elsewhere: whoever says OK has felt it.
#[tokio::test]
async fn an_act_that_is_repeated_at_a_replica_is_felt_there_when_it_says_ok() {
    let server = TestServer::start().await;
    let replica = server.replica().await;
    let (there, here) = (server.client().await, replica.client().await);
    let admin = server.admin("root").await;
    let root = there.sign_in("root", PASSWORD).await;
    let admin_here = AdminClient::new(replica.channel().await, &root);
    let revoked = Refused::unauthenticated("TOKEN_REVOKED");
    for round in 0..10 {
        let name = format!("user{round}");
        let id = there.create_user(&name, PASSWORD).await.unwrap().user_id;
        let token = there.sign_in(&name, PASSWORD).await;
        here.greet(Credentials::Bearer(&token)).await.unwrap();
        match round % 3 {
            0 => {
                there.revoke_token(&token).await.unwrap();
                here.revoke_token(&token).await.unwrap();
            }
            1 => {
                admin.disable_user(&id).await.unwrap();
                admin_here.disable_user(&id).await.unwrap();
            }
            _ => {
                admin.set_roles(&id, &["new"]).await.unwrap();
                admin_here.set_roles(&id, &["new"]).await.unwrap();
            }
        }
        assert_eq!(here.greet(Credentials::Bearer(&token)).await.unwrap_err(), revoked, "{name}");
    }
}

#[tokio::test]
async fn tokens_of_new_keys_are_good_at_a_replica_that_knows_of_the_old_ones_end() {
    let (server, client, first) = start().await;
    let admin = server.admin("root").await;
    let replica = server.replica().await;
    let other = replica.client().await;
    admin.revoke_key("").await.unwrap();
    let new = client.open("alice", PASSWORD).await;
    // It is over already, and OK means that the log has been read.
    other.revoke_token(&first.token).await.unwrap();
    // Of both it is the first time that they see it.
    for client in [&client, &other] {
        assert_eq!(client.greet(Credentials::Bearer(&first.token)).await.unwrap_err(), revoked());
    }
    other.greet(Credentials::Bearer(&new.token)).await.unwrap();
}

/// Tokens of one replica are tokens of all: whoever is told something else is stopped before it makes any.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_was_told_something_else_does_not_start() {
    if !on_postgres() {
        return; // A file of SQLite takes the settings of whoever opens it.
    }
    let first = Binary::start(&["--audiences", "countersign,billing"]);
    let other = ["--listen", "127.0.0.1:0", "--audiences", "countersign", "--token-lifetime", "5m"];
    let said = said_no(1, &first.run(&other, ""));
    for line in [
        "--audiences is countersign here and countersign,billing there",
        "--token-lifetime is 300s here and 600s there",
        "--adopt",
    ] {
        assert!(said.contains(line), "{said}");
    }
    assert!(!said.contains("--issuer"), "{said}");

    let alike = Binary::start_beside(&first, &["--audiences", "countersign,billing"]);
    assert!(alike.stop().0.success());
    let adopted = Binary::start_beside(&first, &[&other[2..], &["--adopt"]].concat());
    let client = adopted.client().await;
    client.create_user("alice", PASSWORD).await.unwrap();
    let token = client.open("alice", PASSWORD).await;
    assert_eq!(token.duration.unwrap().seconds, 300);
    assert!(adopted.stop().0.success());
    let said = said_no(1, &first.run(&["--listen", "127.0.0.1:0", "--audiences", "countersign,billing"], ""));
    assert!(said.contains("--audiences is countersign,billing here and countersign there"), "{said}");
}

#[tokio::test]
async fn behind_a_gateway_a_replica_that_stops_is_nobodys_loss() {
    let server = TestServer::start().await;
    let replica = server.replica().await;
    let Some(gateway) = Gateway::start_before([server.address, replica.address]).await else { return };
    let url = format!("http://{}", gateway.address);
    let channel = Endpoint::from_shared(url).unwrap().connect().await.unwrap();
    let client = Client::new(channel);
    // Until the gateway has found out that its replicas are there.
    while client.create_user("alice", PASSWORD).await.is_err() {}
    let mut spent = client.open("alice", PASSWORD).await.refresh_token;
    for round in 0..20_u8 {
        if round == 10 {
            replica.begin_stop();
        }
        let tokens = client.refresh(&spent, &[round; 16]).await.unwrap();
        client.greet(Credentials::Bearer(&tokens.token)).await.unwrap();
        spent = tokens.refresh_token;
    }
    replica.stop().await;
    client.refresh(&spent, &[20; 16]).await.unwrap();
}
