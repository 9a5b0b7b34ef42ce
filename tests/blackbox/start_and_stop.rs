//! Starting, stopping, starting again.

use rustix::process::Signal;

use crate::harness::{Binary, Credentials, PASSWORD, TestServer, on_postgres};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_starts_answers_and_stops() {
    let server = TestServer::start().await;
    server.client().await.create_user("alice", PASSWORD).await.unwrap();
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_binary_serves_from_an_empty_folder_and_stops_on_sigterm_and_sigint() {
    if on_postgres() {
        return; // It is about the files of SQLite.
    }
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_binary_says_three_things_to_try() {
    let server = Binary::start(&[]);
    let address = server.address;
    let (_, log, _folder) = server.stop();
    for method in ["CreateUser", "IssueToken", "Greet"] {
        assert!(log.contains(&format!("{address} auth.v1.AuthService/{method}")), "{log}");
    }
}

/// `countersign | head -1`, and a log collector that has gone: neither takes the service with it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_has_to_read_what_it_prints() {
    let folder = tempfile::TempDir::new().unwrap();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut command = crate::harness::countersign(folder.path());
    command.args(["--listen", &port.to_string(), "--log-level", "trace", "--argon2-memory-kib", "64"]);
    let piped = std::process::Stdio::piped;
    let mut child = command.stdout(piped()).stderr(piped()).spawn().unwrap();
    drop((child.stdout.take(), child.stderr.take()));
    let endpoint = tonic::transport::Endpoint::from_shared(format!("http://{port}")).unwrap();
    let channel = loop {
        match endpoint.connect().await {
            Ok(channel) => break channel,
            Err(_) => assert!(child.try_wait().unwrap().is_none(), "it ended"),
        }
    };
    crate::harness::Client::new(channel).create_user("alice", PASSWORD).await.unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
}
