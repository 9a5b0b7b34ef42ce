//! Bounds: of messages, headers, time, calls, hashing.

use std::num::NonZeroU32;

use countersign::pb::auth::v1::auth_service_client::AuthServiceClient;
use countersign::pb::auth::v1::{CreateUserRequest, GreetRequest, IssueTokenRequest};
use countersign::transport::PeerLimitConfig;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tonic::client::Grpc;
use tonic::{Code, Request};
use tonic_prost::ProstCodec;

use crate::harness::{Credentials, PASSWORD, Refused, TestServer, raw_unary, refused};

#[tokio::test]
async fn a_message_of_more_than_64_kib_is_refused_by_name() {
    let server = TestServer::start().await;
    let client = server.client().await;
    let refusal = client.create_user("alice", &"x".repeat(64 * 1024)).await.unwrap_err();
    assert_eq!(refusal, Refused::new(Code::ResourceExhausted, "MESSAGE_TOO_LARGE"));
    let refusal = client.create_user("alice", &"x".repeat(60 * 1024)).await.unwrap_err();
    assert_eq!(refusal, Refused::field("password"));
    client.create_user("alice", PASSWORD).await.unwrap();
}

#[tokio::test]
async fn a_message_that_is_none_is_refused_by_name() {
    let server = TestServer::start().await;
    let mut grpc = Grpc::new(server.channel().await);
    grpc.ready().await.unwrap();
    // Field 1 as a number, where CreateUser has a text.
    let wrong = prost_types::Duration { seconds: 1, nanos: 0 };
    let codec = ProstCodec::<prost_types::Duration, ()>::default();
    let path = "/auth.v1.AuthService/CreateUser".parse().unwrap();
    let status = grpc.unary(Request::new(wrong), path, codec).await.unwrap_err();
    assert_eq!(refused(&status), Refused::new(Code::InvalidArgument, "FIELD_INVALID"));
}

#[tokio::test]
async fn a_compressed_message_is_refused_as_grpc_asks() {
    // Without the codec compiled in, the client cannot compress; the header alone is what the server has to refuse.
    let server = TestServer::start().await;
    let mut client = AuthServiceClient::new(server.channel().await);
    let mut request = Request::new(CreateUserRequest { username: "alice".into(), password: PASSWORD.into() });
    request.metadata_mut().insert("grpc-encoding", "gzip".parse().unwrap());
    let status = client.create_user(request).await.unwrap_err();
    assert_eq!(refused(&status), Refused::new(Code::Unimplemented, "METHOD_UNKNOWN"));
}

#[tokio::test]
async fn headers_of_more_than_16_kib_are_refused_and_others_are_served() {
    let server = TestServer::start().await;
    let client = server.client().await;
    client.create_user("alice", PASSWORD).await.unwrap();
    let mut raw = AuthServiceClient::new(server.channel().await);
    let mut request = Credentials::Basic("alice", PASSWORD).attach(GreetRequest {});
    request.metadata_mut().insert("x-large", "x".repeat(20 * 1024).parse().unwrap());
    assert!(raw.greet(request).await.is_err());
    client.greet(Credentials::Basic("alice", PASSWORD)).await.unwrap();
}

#[tokio::test]
async fn a_token_of_more_than_2_kib_is_refused() {
    let server = TestServer::start().await;
    let client = server.client().await;
    let long = format!("v4.public.{}.x", "A".repeat(2048));
    let refusal = client.greet(Credentials::Bearer(&long)).await.unwrap_err();
    assert_eq!(refusal, Refused::unauthenticated("TOKEN_INVALID"));
}

#[tokio::test]
async fn a_deadline_that_cannot_be_read_is_named() {
    let server = TestServer::start().await;
    let mut client = AuthServiceClient::new(server.channel().await);
    for text in ["soon", "1", "999999999S", "-1S"] {
        let mut request = Credentials::None.attach(GreetRequest {});
        request.metadata_mut().insert("grpc-timeout", text.parse().unwrap());
        let refusal = refused(&client.greet(request).await.unwrap_err());
        assert_eq!(refusal, Refused::field("grpc-timeout"), "{text}");
    }
}

#[tokio::test]
async fn a_deadline_that_has_passed_is_told_and_nothing_is_written() {
    let server = TestServer::start().await;
    // tonic's own client would give up by itself before the server could say anything.
    let message = CreateUserRequest { username: "alice".into(), password: PASSWORD.into() };
    let headers = [("grpc-timeout", "1n")];
    let status =
        raw_unary(server.address, "/auth.v1.AuthService/CreateUser", &headers, &message).await.unwrap_err();
    let refusal = refused(&status);
    // Either the hash was not worth starting, or the call was cut off before it.
    let told = [("DEADLINE_EXCEEDED", Code::DeadlineExceeded), ("HASHING_BUSY", Code::ResourceExhausted)];
    assert!(told.iter().any(|(reason, code)| refusal == Refused::new(*code, reason)), "{refusal:?}");
    assert_eq!(server.query_number("SELECT COUNT(*) FROM users").await, 0);
}

#[tokio::test]
async fn a_peer_over_its_rate_is_told_when_to_come_back() {
    let server = TestServer::start_with(|config| {
        config.peer_limit = PeerLimitConfig { calls_per_second: NonZeroU32::new(1), spare_loopback: false };
    })
    .await;
    let client = server.client().await;
    let first = client.greet(Credentials::None).await.unwrap_err();
    assert_eq!(first, Refused::unauthenticated("CREDENTIALS_MISSING"));
    let second = client.greet(Credentials::None).await.unwrap_err();
    assert_eq!(second, Refused::new(Code::ResourceExhausted, "RATE_LIMITED"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_passwords_than_can_be_hashed_in_time_are_refused_with_a_hint() {
    // About half a second a hash, one at a time: ten fit into the five seconds that a call may wait.
    let server = TestServer::start_with(|config| {
        config.hasher.memory_kib = 64 * 1024;
        config.hasher.passes = 8;
        config.hasher.hash_memory_mib = Some(64);
    })
    .await;
    let mut calls = JoinSet::new();
    for _ in 0..64 {
        let client = server.client().await;
        calls.spawn(async move {
            client.issue(Credentials::Basic("nobody", PASSWORD), IssueTokenRequest::default()).await
        });
    }
    let busy = Refused::new(Code::ResourceExhausted, "HASHING_BUSY");
    let invalid = Refused::unauthenticated("CREDENTIALS_INVALID");
    let answers: Vec<Refused> = calls.join_all().await.into_iter().map(Result::unwrap_err).collect();
    assert!(answers.iter().all(|answer| *answer == busy || *answer == invalid), "{answers:?}");
    assert!(answers.contains(&busy) && answers.contains(&invalid), "{answers:?}");
}

async fn http1(server: &TestServer, request: &str) -> String {
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = vec![0; 4096];
    let length = stream.read(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer[..length]).into_owned()
}

#[tokio::test]
async fn what_is_not_grpc_is_told_so_in_terms_of_http() {
    let server = TestServer::start().await;
    let get = http1(&server, "GET /nowhere HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert!(get.starts_with("HTTP/1.1 404 ") && get.contains("METHOD_UNKNOWN"), "{get}");
    let json = "POST /auth.v1.AuthService/Greet HTTP/1.1\r\nhost: x\r\ncontent-type: application/grpc+json\r\ncontent-length: 0\r\n\r\n";
    let told = http1(&server, json).await;
    assert!(told.starts_with("HTTP/1.1 415 ") && told.contains("application/grpc+proto"), "{told}");
    let old = json.replace("+json", "");
    let wrong_verb = old.replace("POST", "GET");
    for (request, status, says) in [(old, 505, "gRPC needs HTTP/2"), (wrong_verb, 405, "allow: POST\r\n")] {
        let told = http1(&server, &request).await;
        assert!(told.starts_with(&format!("HTTP/1.1 {status} ")) && told.contains(says), "{told}");
        let as_ever = ["METHOD_UNKNOWN", "x-request-id: ", "content-type: application/json\r\n"];
        assert!(as_ever.iter().all(|part| told.contains(part)), "{told}");
    }
}
