//! Paths that no gRPC library lets one write: raw HTTP/2 frames on a socket.

use std::net::SocketAddr;

use crate::harness::frames::{Frames, GOAWAY, RST_STREAM};
use crate::harness::{PASSWORD, TestServer, basic_header};

/// Sends one Greet to `path` and returns everything that came back until the stream or the connection ended.
async fn greet(address: SocketAddr, path: &str) -> Vec<u8> {
    let mut frames = Frames::open(address).await;
    frames
        .ask(&[
            (":method", "POST"),
            (":scheme", "http"),
            (":path", path),
            (":authority", "localhost"),
            ("content-type", "application/grpc"),
            ("te", "trailers"),
            ("authorization", &basic_header("alice", PASSWORD)),
        ])
        .await;
    frames.finish(&[0, 0, 0, 0, 0]).await;

    let mut received = Vec::new();
    while let Some(frame) = frames.next().await {
        received.extend(&frame.payload);
        if frame.ends_stream() || matches!(frame.kind, RST_STREAM | GOAWAY) {
            break;
        }
    }
    received
}

#[tokio::test]
async fn a_path_without_its_slash_reaches_nothing() {
    let server = TestServer::start().await;
    server.client().await.create_user("alice", PASSWORD).await.unwrap();
    let greeting = b"Hello, alice!";
    let greets = |answer: Vec<u8>| answer.windows(greeting.len()).any(|window| window == greeting);
    assert!(
        greets(greet(server.address, "/auth.v1.AuthService/Greet").await),
        "the frames themselves are right"
    );
    for path in ["auth.v1.AuthService/Greet", "", "*", "http://localhost/auth.v1.AuthService/Greet"] {
        assert!(!greets(greet(server.address, path).await), "{path:?}");
    }
}
