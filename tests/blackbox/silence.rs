//! Clients that say nothing, or never finish what they say. The bounds are real time (10 s and 15 s); the tests wait for
//! the server's reaction, and give up after a minute.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::StreamBody;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_stream::StreamExt;
use tonic::Code;

use crate::harness::{Binary, Credentials, PASSWORD, RawConnection, Refused, TestServer, raw_call, refused};

const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_connection_that_never_asks_anything_is_closed() {
    let server = TestServer::start().await;
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    let settings = [preface.as_slice(), &[0, 0, 0, 4, 0, 0, 0, 0, 0]].concat();
    let unfinished = [settings.as_slice(), &[0, 0, 1, 1, 0, 0, 0, 0, 1, 0x82]].concat();
    let mut clients = Vec::new();
    for said in
        [&b""[..], &preface[..10], preface, &settings, &unfinished, b"GET / HTTP/1.1\r\nhost: x\r\nx-slow:"]
    {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(said).await.unwrap();
        clients.push(tokio::spawn(async move {
            let mut rest = Vec::new();
            // Closed in an orderly way or reset: both are an end.
            let _reset =
                timeout(PATIENCE, stream.read_to_end(&mut rest)).await.expect("the connection was kept");
        }));
    }
    for client in clients {
        client.await.unwrap();
    }
}

#[tokio::test]
async fn a_message_that_never_comes_is_not_waited_for() {
    let server = TestServer::start().await;
    let never =
        StreamBody::new(tokio_stream::pending::<Result<http_body::Frame<Bytes>, _>>().map(|frame| frame));
    let call = raw_call(server.address, "/auth.v1.AuthService/CreateUser", &[], never);
    let status = timeout(PATIENCE, call).await.expect("it was waited for").unwrap_err();
    assert_eq!(refused(&status), Refused::new(Code::DeadlineExceeded, "DEADLINE_EXCEEDED"));
}

/// The announcement of a message of sixty thousand bytes, some of it, and then nothing.
fn half_a_message() -> impl http_body::Body<Data = Bytes, Error = Infallible> + Send + Unpin + 'static {
    let mut begun = vec![0];
    begun.extend(60_000_u32.to_be_bytes());
    begun.resize(1000, 0);
    let begun = tokio_stream::once(Ok(http_body::Frame::data(Bytes::from(begun))));
    StreamBody::new(Box::pin(begun.chain(tokio_stream::pending())))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_sent_messages_are_refused_before_they_fill_the_memory() {
    let server = TestServer::start().await;
    server.client().await.create_user("alice", PASSWORD).await.unwrap();
    // 16 MiB of them, by what they announce, and some more.
    let mut calls = JoinSet::new();
    for _ in 0..2 {
        let connection = Arc::new(RawConnection::open(server.address).await);
        for _ in 0..190 {
            let connection = Arc::clone(&connection);
            calls.spawn(async move {
                connection.call("/auth.v1.AuthService/CreateUser", &[], half_a_message()).await
            });
        }
    }
    let mut first = calls.join_next().await.unwrap().unwrap();
    while first.as_ref().is_err_and(|status| status.code() == Code::DeadlineExceeded) {
        first = calls.join_next().await.expect("all of them were kept").unwrap();
    }
    assert_eq!(refused(&first.unwrap_err()), Refused::new(Code::ResourceExhausted, "RATE_LIMITED"));
    calls.shutdown().await;
    server.client().await.greet(Credentials::Basic("alice", PASSWORD)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_breaks_off_is_no_error_of_the_service() {
    let server = Binary::start(&[]);
    for _ in 0..20 {
        let address = server.address;
        let call = tokio::spawn(async move {
            let _cut_off = raw_call(address, "/auth.v1.AuthService/CreateUser", &[], half_a_message()).await;
        });
        // Whether it is cut off before its connection stands or in the middle of its message is left to chance.
        tokio::task::yield_now().await;
        server.client().await.create_user("al:ice", PASSWORD).await.unwrap_err();
        call.abort();
    }
    let (_, log, _folder) = server.stop();
    assert!(!log.contains("ERROR"), "{log}");
}
