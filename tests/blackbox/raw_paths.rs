//! Paths that no gRPC library lets one write: raw HTTP/2 frames on a socket.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::harness::{PASSWORD, TestServer, basic_header};

/// A literal header field that is never indexed, without Huffman coding (RFC 7541, section 6.2.2).
fn literal(name: &str, value: &str) -> Vec<u8> {
    let mut field = vec![0];
    for text in [name, value] {
        assert!(text.len() < 127 * 2);
        match u8::try_from(text.len()).unwrap() {
            short @ 0..=126 => field.push(short),
            long => field.extend([127, long - 127]),
        }
        field.extend(text.bytes());
    }
    field
}

fn frame(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = length[1..].to_vec();
    frame.extend([kind, flags, 0, 0, 0, stream]);
    frame.extend(payload);
    frame
}

/// Sends one Greet to `path` and returns everything that came back until the stream or the connection ended.
async fn greet(address: SocketAddr, path: &str) -> Vec<u8> {
    let headers = [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", path),
        (":authority", "localhost"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
        ("authorization", &basic_header("alice", PASSWORD)),
    ];
    let block: Vec<u8> = headers.iter().flat_map(|(name, value)| literal(name, value)).collect();
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    bytes.extend(frame(4, 0, 0, &[]));
    bytes.extend(frame(1, 4, 1, &block));
    bytes.extend(frame(0, 1, 1, &[0, 0, 0, 0, 0]));
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(&bytes).await.unwrap();

    let mut received = Vec::new();
    loop {
        let mut head = [0; 9];
        if stream.read_exact(&mut head).await.is_err() {
            return received;
        }
        let length = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
        let mut payload = vec![0; length];
        stream.read_exact(&mut payload).await.unwrap();
        received.extend(&payload);
        let (kind, flags) = (head[3], head[4]);
        let ends_stream = matches!(kind, 0 | 1) && flags & 1 != 0;
        if ends_stream || matches!(kind, 3 | 7) {
            return received;
        }
    }
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
