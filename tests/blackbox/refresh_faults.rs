//! Refreshing and ending sessions on a database that fails: a failed commit spends nothing, and no end is claimed that did
//! not come.

use countersign::pb::auth::v1::RefreshTokenRequest;
use countersign::store::Fault;
use tonic::Code;

use crate::harness::{Client, Credentials, PASSWORD, Refused, TestServer, Tokens, raw_unary, refused};

async fn start() -> (TestServer, Client, Tokens) {
    let server = TestServer::start().await;
    let client = server.client().await;
    client.create_user("alice", PASSWORD).await.unwrap();
    let tokens = client.open("alice", PASSWORD).await;
    (server, client, tokens)
}

impl TestServer {
    /// Lets the next write meet this fault.
    fn fail(&self, fault: Fault) {
        self.config.store.faults.plan([Some(fault)]);
    }

    async fn count_thefts(&self) -> i64 {
        self.query_number("SELECT COUNT(*) FROM security_events WHERE kind = 2").await
    }
}

fn unavailable() -> Refused {
    Refused::new(Code::Unavailable, "STORE_UNAVAILABLE")
}

fn reused() -> Refused {
    Refused::unauthenticated("REFRESH_TOKEN_REUSED")
}

fn revoked() -> Refused {
    Refused::unauthenticated("TOKEN_REVOKED")
}

#[tokio::test]
async fn a_rotation_that_was_not_committed_spends_nothing() {
    let (server, client, first) = start().await;
    server.fail(Fault::BeforeCommit);
    assert_eq!(client.refresh(&first.refresh_token, &[1; 16]).await.unwrap_err(), unavailable());
    let second = client.refresh(&first.refresh_token, &[2; 16]).await.unwrap();
    client.refresh(&second.refresh_token, &[]).await.unwrap();
}

#[tokio::test]
async fn a_rotation_that_nobody_knows_about_is_known_by_its_retry_key() {
    let (server, client, first) = start().await;
    server.fail(Fault::AfterCommit);
    assert_eq!(client.refresh(&first.refresh_token, &[1; 16]).await.unwrap_err(), unavailable());
    let second = client.refresh(&first.refresh_token, &[1; 16]).await.unwrap();
    client.greet(Credentials::Bearer(&second.token)).await.unwrap();
    client.refresh(&second.refresh_token, &[2; 16]).await.unwrap();
    assert_eq!(server.query_number("SELECT generation FROM sessions").await, 3);
}

#[tokio::test]
async fn a_theft_whose_end_was_not_committed_is_theft_again_at_the_next_attempt() {
    let (server, client, first) = start().await;
    let second = client.refresh(&first.refresh_token, &[1; 16]).await.unwrap();
    server.fail(Fault::BeforeCommit);
    assert_eq!(client.refresh(&first.refresh_token, &[66; 16]).await.unwrap_err(), unavailable());
    client.greet(Credentials::Bearer(&second.token)).await.unwrap();
    assert_eq!(server.count_thefts().await, 0);
    assert_eq!(client.refresh(&first.refresh_token, &[66; 16]).await.unwrap_err(), reused());
    assert_eq!(client.greet(Credentials::Bearer(&second.token)).await.unwrap_err(), revoked());
    assert_eq!(server.count_thefts().await, 1);
}

#[tokio::test]
async fn an_end_that_was_committed_is_felt_even_if_the_connection_died() {
    let (server, client, first) = start().await;
    let second = client.refresh(&first.refresh_token, &[1; 16]).await.unwrap();
    server.fail(Fault::AfterCommit);
    assert_eq!(client.refresh(&first.refresh_token, &[66; 16]).await.unwrap_err(), unavailable());
    for token in [&first.token, &second.token] {
        assert_eq!(client.greet(Credentials::Bearer(token)).await.unwrap_err(), revoked());
    }
    assert_eq!(client.refresh(&second.refresh_token, &[2; 16]).await.unwrap_err(), revoked());
    assert_eq!(server.count_thefts().await, 1);
}

#[tokio::test]
async fn revoking_never_lies() {
    for fault in [Fault::BeforeCommit, Fault::AfterCommit] {
        for call in ["RevokeToken", "RevokeSession", "RevokeAllSessions", "keep_current"] {
            let (server, client, tokens) = start().await;
            let other = client.open("alice", PASSWORD).await;
            server.fail(fault);
            let bearer = Credentials::Bearer(&tokens.token);
            let (ended, answer) = match call {
                "RevokeToken" => (&tokens, client.revoke_token(&tokens.refresh_token).await),
                "RevokeSession" => (&tokens, client.revoke_session(bearer, &tokens.session_id).await),
                "RevokeAllSessions" => {
                    (&other, client.revoke_all_sessions(bearer, "", false).await.map(|_| ()))
                }
                _ => (&other, client.revoke_all_sessions(bearer, "", true).await.map(|_| ())),
            };
            assert_eq!(answer.unwrap_err(), unavailable(), "{call} {fault:?}");
            let greeted = client.greet(Credentials::Bearer(&ended.token)).await.map(|_| ());
            let refreshed = client.refresh(&ended.refresh_token, &[1; 16]).await.map(|_| ());
            let expected = if fault == Fault::BeforeCommit { Ok(()) } else { Err(revoked()) };
            assert_eq!(greeted, expected, "{call} {fault:?}");
            assert_eq!(refreshed, expected, "{call} {fault:?}");
        }
    }
}

#[tokio::test]
async fn nothing_is_revoked_where_nothing_can_be_written() {
    let (server, client, tokens) = start().await;
    let second = client.refresh(&tokens.refresh_token, &[1; 16]).await.unwrap();
    let lock = server.database().lock().await;
    assert_eq!(client.revoke_token(&tokens.token).await.unwrap_err(), unavailable());
    let bearer = Credentials::Bearer(&tokens.token);
    let refused = client.revoke_session(bearer.clone(), &tokens.session_id).await.unwrap_err();
    assert_eq!(refused, unavailable());
    assert_eq!(client.refresh(&tokens.refresh_token, &[66; 16]).await.unwrap_err(), unavailable());
    assert_eq!(client.refresh(&second.refresh_token, &[2; 16]).await.unwrap_err(), unavailable());
    client.greet(bearer).await.unwrap();
    lock.release().await;
    client.refresh(&second.refresh_token, &[3; 16]).await.unwrap();
}

#[tokio::test]
async fn a_thief_who_does_not_wait_for_the_answer_ends_the_session_all_the_same() {
    let (server, client, _) = start().await;
    for _ in 0..10 {
        let first = client.open("alice", PASSWORD).await;
        let second = client.refresh(&first.refresh_token, &[1; 16]).await.unwrap();
        let message = RefreshTokenRequest { refresh_token: first.refresh_token, ..Default::default() };
        let lock = server.database().lock().await;
        let path = "/auth.v1.AuthService/RefreshToken";
        let left = raw_unary(server.address, path, &[("grpc-timeout", "300m")], &message).await;
        let left = refused(&left.unwrap_err());
        assert_eq!(left, Refused::new(Code::DeadlineExceeded, "DEADLINE_EXCEEDED"));
        lock.release().await;
        // Writes wait in line: when this one is through, so is the one before it.
        client.open("alice", PASSWORD).await;
        if client.greet(Credentials::Bearer(&second.token)).await == Err(revoked()) {
            assert_eq!(server.count_thefts().await, 1);
            return;
        }
        // On a busy machine the deadline may pass before there is anything to write.
    }
    panic!("nobody who went away was found out");
}
