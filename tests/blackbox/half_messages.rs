//! Messages that begin and never end: how many there may be, whose share they take, and for how long they are waited for.
//! That bound is real time (10 s); the tests wait for the server's reaction, and give up well before the callers' own deadline.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use countersign::transport::TrustedProxies;
use http_body::{Body, Frame};
use http_body_util::StreamBody;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_stream::StreamExt;
use tonic::{Code, Status};

use crate::harness::{Binary, Credentials, PASSWORD, RawConnection, Refused, TestServer, raw_call, refused};

const CREATE_USER: &str = "/auth.v1.AuthService/CreateUser";
/// Before the minute is over that the callers ask for.
const PATIENCE: Duration = Duration::from_secs(45);

/// The announcement of a message of sixty thousand bytes, some of it, and then nothing.
fn half_a_message() -> impl Body<Data = Bytes, Error = Infallible> + Send + Unpin + 'static {
    let mut begun = vec![0];
    begun.extend(60_000_u32.to_be_bytes());
    begun.resize(1000, 0);
    let begun = tokio_stream::once(Ok(Frame::data(Bytes::from(begun))));
    StreamBody::new(Box::pin(begun.chain(tokio_stream::pending())))
}

/// Half-sent messages of 16 MiB, by what they announce, and some more, each with the header that `forwarded` gives it. The
/// calls are held until what is returned is dropped.
async fn flood(address: SocketAddr, forwarded: impl Fn(usize) -> String) -> JoinSet<Result<Bytes, Status>> {
    let mut calls = JoinSet::new();
    for connection in 0..2 {
        let opened = Arc::new(RawConnection::open(address).await);
        for number in 0..190 {
            let (opened, client) = (Arc::clone(&opened), forwarded(connection * 190 + number));
            calls.spawn(async move {
                opened.call(CREATE_USER, &[("x-forwarded-for", &client)], half_a_message()).await
            });
        }
    }
    let mut first = calls.join_next().await.unwrap().unwrap();
    while first.as_ref().is_err_and(|status| status.code() == Code::DeadlineExceeded) {
        first = calls.join_next().await.expect("all of them were kept").unwrap();
    }
    assert_eq!(refused(&first.unwrap_err()), Refused::new(Code::ResourceExhausted, "RATE_LIMITED"));
    calls
}

/// What a client that a proxy names as `client` is answered when it sends a whole message.
async fn refusal_of(address: SocketAddr, client: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let body = r#"{"username":"al:ice"}"#;
    let request = format!(
        "POST /v1/users HTTP/1.1\r\nhost: x\r\nx-forwarded-for: {client}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let reasons = ["RATE_LIMITED", "FIELD_INVALID"];
    (*reasons.iter().find(|reason| answer.contains(**reason)).expect(&answer)).to_owned()
}

async fn behind_a_proxy() -> TestServer {
    TestServer::start_with(|config| {
        config.trusted_proxies = TrustedProxies::parse(["127.0.0.0/8"]).unwrap();
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_sent_messages_are_refused_before_they_fill_the_memory() {
    let server = TestServer::start().await;
    server.client().await.create_user("alice", PASSWORD).await.unwrap();
    flood(server.address, |_| "nobody".to_owned()).await.shutdown().await;
    server.client().await.greet(Credentials::Basic("alice", PASSWORD)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_floods_through_a_proxy_shuts_out_no_other_client_of_it() {
    let server = behind_a_proxy().await;
    let _held = flood(server.address, |_| "198.51.100.9, 203.0.113.7".to_owned()).await;
    assert_eq!(refusal_of(server.address, "203.0.113.7").await, "RATE_LIMITED");
    assert_eq!(refusal_of(server.address, "203.0.113.8").await, "FIELD_INVALID");
    server.client().await.create_user("alice", PASSWORD).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_with_many_addresses_behind_a_proxy_has_one_share() {
    let server = behind_a_proxy().await;
    let _held = flood(server.address, |number| format!("2001:db8:1:2::{number:x}")).await;
    assert_eq!(refusal_of(server.address, "2001:db8:1:2:ffff::1").await, "RATE_LIMITED");
    assert_eq!(refusal_of(server.address, "2001:db8:1:3::1").await, "FIELD_INVALID");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_no_proxy_gets_no_second_share_by_naming_others() {
    let server = TestServer::start().await;
    let _held = flood(server.address, |number| format!("203.0.113.{}", number % 256)).await;
    assert_eq!(refusal_of(server.address, "198.51.100.1").await, "RATE_LIMITED");
}

/// What comes back to a request of HTTP/1.1 whose body is announced and not finished.
async fn answer_to_half(address: SocketAddr, path: &str, content_type: &str, begun: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: x\r\ncontent-type: {content_type}\r\ngrpc-timeout: 60S\r\n\
         content-length: 60005\r\n\r\n"
    );
    stream.write_all(&[head.as_bytes(), begun].concat()).await.unwrap();
    let mut answer = vec![0; 4096];
    let length = timeout(PATIENCE, stream.read(&mut answer)).await.expect("it was waited for").unwrap();
    String::from_utf8_lossy(&answer[..length]).into_owned()
}

/// A sender of half a message asks for a minute, and does not get it.
#[tokio::test]
async fn a_message_that_does_not_come_whole_is_not_waited_for_on_any_wire() {
    let server = TestServer::start().await;
    let address = server.address;
    let native = async {
        let call = raw_call(address, CREATE_USER, &[("grpc-timeout", "60S")], half_a_message());
        let status = timeout(PATIENCE, call).await.expect("it was waited for").unwrap_err();
        assert_eq!(refused(&status), Refused::new(Code::DeadlineExceeded, "DEADLINE_EXCEEDED"));
    };
    let begun = [&[0, 0, 0, 0xea, 0x60][..], &[0; 100]].concat();
    let text = STANDARD.encode(&begun);
    let grpc_web = async {
        for answer in <[String; 2]>::from(tokio::join!(
            answer_to_half(address, CREATE_USER, "application/grpc-web+proto", &begun),
            answer_to_half(address, CREATE_USER, "application/grpc-web-text", text.as_bytes()),
        )) {
            assert!(answer.contains("grpc-status: 4\r\n"), "{answer}");
        }
    };
    let json = async {
        let half = br#"{"username":"al"#;
        for answer in <[String; 2]>::from(tokio::join!(
            answer_to_half(address, "/v1/users", "application/json", half),
            answer_to_half(address, "/api/users", "application/json", half),
        )) {
            assert!(answer.starts_with("HTTP/1.1 504 "), "{answer}");
        }
    };
    tokio::join!(native, grpc_web, json);
}

/// Between two messages of a stream there may be any time; within one there may not.
#[tokio::test]
async fn a_stream_that_stops_in_the_middle_of_a_message_is_ended() {
    let server = TestServer::start().await;
    // The question for all services, and the beginning of another one.
    let said: &[u8] = &[0, 0, 0, 0, 2, 0x3a, 0, 0, 0, 0, 0, 2, 0x3a];
    let body = tokio_stream::once(Ok(Frame::data(Bytes::from_static(said)))).chain(tokio_stream::pending());
    let path = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
    let call = raw_call(server.address, path, &[], StreamBody::new(Box::pin(body)));
    let answers = timeout(PATIENCE, call).await.expect("it was waited for").unwrap();
    assert!(answers.windows(15).any(|text| text == b"auth.v1.AuthSer"), "the question was answered");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_breaks_off_is_no_error_of_the_service() {
    let server = Binary::start(&[]);
    for _ in 0..20 {
        let address = server.address;
        let call = tokio::spawn(async move {
            let _cut_off = raw_call(address, CREATE_USER, &[], half_a_message()).await;
        });
        // Whether it is cut off before its connection stands or in the middle of its message is left to chance.
        tokio::task::yield_now().await;
        server.client().await.create_user("al:ice", PASSWORD).await.unwrap_err();
        call.abort();
    }
    let (_, log, _folder) = server.stop();
    assert!(!log.contains("ERROR"), "{log}");
}
