//! A refresh that is repeated because its answer was lost is a use of the session like the first.

use std::time::Duration;

use countersign::pb::auth::v1::IssueTokenRequest;

use crate::harness::{Credentials, PASSWORD, TestServer};

const DAY: Duration = Duration::from_secs(86_400);

/// The long token stands for any reason for which a repetition needs not extend what is remembered of the session.
#[tokio::test]
async fn a_repetition_is_a_use_of_the_session() {
    let server = TestServer::start().await;
    let client = server.client().await;
    client.create_user("alice", PASSWORD).await.unwrap();
    let wish = IssueTokenRequest {
        lifetime: Some(prost_types::Duration { seconds: 3600, nanos: 0 }),
        ..Default::default()
    };
    let opened = client.issue(Credentials::Basic("alice", PASSWORD), wish).await.unwrap();
    let key = [1; 16];
    let first = client.refresh(&opened.refresh_token, &key).await.unwrap();
    let used = || async {
        let sessions = client.list_sessions(Credentials::Basic("alice", PASSWORD), "").await.unwrap();
        sessions[0].last_use_time.unwrap().seconds
    };
    let before = used().await;

    server.clock.advance(Duration::from_secs(59));
    client.refresh(&opened.refresh_token, &key).await.unwrap();
    assert_eq!(used().await, before, "within a minute nothing is written");
    server.clock.advance(Duration::from_secs(1));
    client.refresh(&opened.refresh_token, &key).await.unwrap();
    assert_eq!(used().await, before + 60);

    server.clock.advance(DAY * 7 - Duration::from_secs(1));
    client.refresh(&first.refresh_token, &[2; 16]).await.unwrap();
}
