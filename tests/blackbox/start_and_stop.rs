//! Starting, stopping, starting again.

use rustix::process::Signal;

use crate::harness::{Binary, Credentials, PASSWORD, TestServer};

#[tokio::test]
async fn a_server_starts_answers_and_stops() {
    let server = TestServer::start().await;
    server.client().await.create_user("alice", PASSWORD).await.unwrap();
    server.stop().await;
}

#[tokio::test]
async fn what_was_acknowledged_is_there_after_a_restart() {
    let server = TestServer::start().await;
    let client = server.client().await;
    client.create_user("alice", PASSWORD).await.unwrap();
    let token = client.sign_in("alice", PASSWORD).await;

    let server = server.restart_with(|_| {}).await;
    let client = server.client().await;
    assert_eq!(client.greet(Credentials::Bearer(&token)).await.unwrap().message, "Hello, alice!");
    assert_eq!(client.greet(Credentials::Basic("alice", PASSWORD)).await.unwrap().message, "Hello, alice!");
    server.stop().await;
}

#[tokio::test]
async fn the_binary_serves_from_an_empty_folder_and_stops_on_sigterm_and_sigint() {
    for signal in [Signal::TERM, Signal::INT] {
        let server = Binary::start(&[]);
        let user = server.client().await.create_user("alice", PASSWORD).await.unwrap();
        assert_eq!(user.username, "alice");
        server.signal(signal);
        let (status, log, folder) = server.wait();
        assert_eq!(status.code(), Some(0), "{log}");
        let mut files: Vec<_> = std::fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        files.sort();
        assert_eq!(files, ["countersign.db", "countersign.key"], "a clean stop leaves no journal behind");
    }
}

#[tokio::test]
async fn the_binary_says_three_things_to_try() {
    let server = Binary::start(&[]);
    let address = server.address;
    let (_, log, _folder) = server.stop();
    for method in ["CreateUser", "IssueToken", "Greet"] {
        assert!(log.contains(&format!("{address} auth.v1.AuthService/{method}")), "{log}");
    }
}
