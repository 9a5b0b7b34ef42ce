//! Messages that begin and never end: how many there may be, and whose share they take.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use countersign::transport::TrustedProxies;
use http_body::{Body, Frame};
use http_body_util::StreamBody;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_stream::StreamExt;
use tonic::{Code, Status};

use crate::harness::{Binary, Credentials, PASSWORD, RawConnection, Refused, TestServer, raw_call, refused};

const CREATE_USER: &str = "/auth.v1.AuthService/CreateUser";

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
