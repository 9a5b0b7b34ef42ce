//! Faults: a panic, a database that does not answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use countersign::domain::Entropy;
use countersign::pb::auth::v1::{CreateUserRequest, IssueTokenRequest};
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::harness::{
    Credentials, PASSWORD, Refused, SeededEntropy, TestServer, on_postgres, raw_unary, refused,
};

/// Randomness that panics when it is told to: the only thing in the server that a test can make panic.
struct Explosive {
    inner: SeededEntropy,
    armed: Arc<AtomicBool>,
}

impl Entropy for Explosive {
    fn fill(&self, bytes: &mut [u8]) {
        assert!(!self.armed.swap(false, Ordering::SeqCst), "armed by a test");
        self.inner.fill(bytes);
    }
}

#[tokio::test]
async fn a_panic_is_one_internal_error_for_one_call() {
    let armed = Arc::new(AtomicBool::new(false));
    let entropy = Explosive { inner: SeededEntropy::new(7), armed: Arc::clone(&armed) };
    let server = TestServer::start_on(Arc::new(entropy)).await;
    let client = server.client().await;
    client.create_user("alice", PASSWORD).await.unwrap();
    armed.store(true, Ordering::SeqCst);
    let credentials = Credentials::Basic("alice", PASSWORD);
    let refusal = client.issue(credentials.clone(), IssueTokenRequest::default()).await.unwrap_err();
    assert_eq!(refusal, Refused::new(Code::Internal, "INTERNAL"));
    assert!(!armed.load(Ordering::SeqCst));
    client.issue(credentials, IssueTokenRequest::default()).await.unwrap();
}

#[tokio::test]
async fn a_database_that_cannot_be_written_is_unavailable_and_tokens_are_still_checked() {
    let server = TestServer::start().await;
    let client = server.client().await;
    client.create_user("alice", PASSWORD).await.unwrap();
    let token = client.sign_in("alice", PASSWORD).await;

    let lock = server.database().lock().await;
    let unavailable = Refused::new(Code::Unavailable, "STORE_UNAVAILABLE");
    assert_eq!(client.create_user("bob", PASSWORD).await.unwrap_err(), unavailable);
    let refusal =
        client.issue(Credentials::Basic("alice", PASSWORD), IssueTokenRequest::default()).await.unwrap_err();
    assert_eq!(refusal, unavailable);
    client.greet(Credentials::Bearer(&token)).await.unwrap();

    lock.release().await;
    client.create_user("bob", PASSWORD).await.unwrap();
    assert_eq!(server.query_number("SELECT COUNT(*) FROM sessions").await, 1);
}

#[tokio::test]
async fn who_cannot_read_what_is_revoked_refuses_tokens_after_a_while_and_says_so() {
    let server =
        TestServer::start_with(|config| config.policy.max_staleness = Some(Duration::from_secs(1))).await;
    let client = server.client().await;
    client.create_user("alice", PASSWORD).await.unwrap();
    let token = client.sign_in("alice", PASSWORD).await;
    let mut health = HealthClient::new(server.channel().await);
    let asked = HealthCheckRequest { service: "auth.v1.TrustService".to_owned() };
    let mut trusted = health.watch(asked).await.unwrap().into_inner();
    while trusted.message().await.unwrap().unwrap().status() != ServingStatus::Serving {}

    server.execute_sql("ALTER TABLE trust_counter RENAME TO elsewhere").await;
    let refused = async {
        loop {
            if let Err(refused) = client.greet(Credentials::Bearer(&token)).await {
                return refused;
            }
            tokio::task::yield_now().await;
        }
    };
    assert_eq!(refused.await, Refused::new(Code::Unavailable, "STORE_UNAVAILABLE"));
    assert_eq!(trusted.message().await.unwrap().unwrap().status(), ServingStatus::NotServing);

    server.execute_sql("ALTER TABLE elsewhere RENAME TO trust_counter").await;
    while client.greet(Credentials::Bearer(&token)).await.is_err() {}
    assert_eq!(trusted.message().await.unwrap().unwrap().status(), ServingStatus::Serving);
}

#[tokio::test]
async fn a_deadline_is_kept_while_the_database_hangs() {
    let server = TestServer::start().await;
    let lock = server.database().lock().await;
    let message = CreateUserRequest { username: "alice".into(), password: PASSWORD.into() };
    let headers = [("grpc-timeout", "300m")];
    let status =
        raw_unary(server.address, "/auth.v1.AuthService/CreateUser", &headers, &message).await.unwrap_err();
    assert_eq!(refused(&status), Refused::new(Code::DeadlineExceeded, "DEADLINE_EXCEEDED"));
    lock.release().await;
}

#[tokio::test]
async fn writes_into_a_file_that_was_moved_away_are_not_acknowledged() {
    if on_postgres() {
        return; // It is about the files of SQLite.
    }
    let server = TestServer::start().await;
    let client = server.client().await;
    client.create_user("alice", PASSWORD).await.unwrap();
    let (file, moved) = (server.database_file(), server.database_file().with_extension("moved"));
    let unavailable = Refused::new(Code::Unavailable, "STORE_UNAVAILABLE");
    std::fs::rename(&file, &moved).unwrap();
    assert_eq!(client.create_user("bob", PASSWORD).await.unwrap_err(), unavailable);
    std::fs::write(&file, "").unwrap();
    assert_eq!(client.create_user("bob", PASSWORD).await.unwrap_err(), unavailable);
    std::fs::rename(&moved, &file).unwrap();
    client.create_user("bob", PASSWORD).await.unwrap();

    std::fs::rename(&file, &moved).unwrap();
    std::os::unix::fs::symlink(&moved, &file).unwrap();
    assert_eq!(client.create_user("carol", PASSWORD).await.unwrap_err(), unavailable);
    std::fs::rename(&moved, &file).unwrap();
    let log = file.with_file_name("countersign.db-wal");
    std::fs::rename(&log, &moved).unwrap();
    assert_eq!(client.create_user("carol", PASSWORD).await.unwrap_err(), unavailable);
    std::fs::rename(&moved, &log).unwrap();
    client.create_user("carol", PASSWORD).await.unwrap();
}
