//! Clients that say nothing. The bounds are real time (10 s); the tests wait for the server's reaction, and give up after a
//! minute.

use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::{Empty, StreamBody};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_stream::StreamExt;
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use crate::harness::{Refused, TestServer, raw_call, refused};

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

/// It answers every ping, and has no room for the answer that it asked for. Who waits for news meanwhile is something else.
#[tokio::test]
async fn who_does_not_take_what_it_asked_for_is_let_go() {
    let server = TestServer::start().await;
    let mut health = HealthClient::new(server.channel().await);
    let asked = HealthCheckRequest { service: "liveness".to_owned() };
    let mut watch = health.watch(asked).await.unwrap().into_inner();
    watch.message().await.unwrap().unwrap();

    let stream = TokioIo::new(TcpStream::connect(server.address).await.unwrap());
    let mut client = http2::Builder::new(TokioExecutor::new());
    let (mut sender, connection) =
        client.initial_stream_window_size(Some(0)).handshake(stream).await.unwrap();
    let mut connection = tokio::spawn(connection);
    let request = Request::get(format!("http://{}/v1/keys", server.address));
    let answer = sender.send_request(request.body(Empty::<Bytes>::new()).unwrap()).await.unwrap();
    assert_eq!(answer.status(), 200);
    tokio::select! {
        let_go = timeout(PATIENCE, &mut connection) => {
            let _closed_or_broken = let_go.expect("the connection was kept");
        }
        ended = watch.message() => panic!("who waits for news was let go: {ended:?}"),
    }
}
