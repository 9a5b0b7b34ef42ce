//! What a refusal looks like over HTTP.

use std::num::NonZeroU32;
use std::time::Duration;

use countersign::transport::PeerLimitConfig;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::ask::{Ask, Version, refused, refused_field};
use crate::harness::{Credentials, PASSWORD, TestServer};

const NOBODY: &str = "0193b4a0-5f6e-7c3a-8d5e-1f2a3b4c5d6e";

#[tokio::test]
async fn every_refusal_has_its_status_and_its_reason() {
    let server = TestServer::start().await;
    let client = server.client().await;
    client.create_user("alice", PASSWORD).await.unwrap();
    let token = client.sign_in("alice", PASSWORD).await;
    server.admin("root").await;
    let (alice, root) = (Credentials::Bearer(&token), Credentials::Basic("root", PASSWORD));
    let login = json!({"username": "alice", "password": PASSWORD});
    let user = |id: &str| Ask::get(&format!("/v1/users/{id}"));
    for (ask, refusal) in [
        (Ask::get("/v1/greet"), refused(401, "CREDENTIALS_MISSING")),
        (Ask::get("/v1/greet").with(&Credentials::Raw("Digest x")), refused(401, "CREDENTIALS_INVALID")),
        (Ask::get("/v1/greet").with(&alice).with(&alice), refused(401, "CREDENTIALS_INVALID")),
        (
            Ask::get("/v1/greet").with(&Credentials::Basic("alice", "wrong")),
            refused(401, "CREDENTIALS_INVALID"),
        ),
        (Ask::get("/v1/greet").with(&Credentials::Bearer("v4.public.x")), refused(401, "TOKEN_INVALID")),
        (user(NOBODY).with(&alice), refused(403, "ROLE_REQUIRED")),
        (user(NOBODY).with(&root), refused(404, "USER_NOT_FOUND")),
        (user("you").with(&alice), refused_field("user_id")),
        (Ask::post("/v1/users", &login), refused(409, "USERNAME_TAKEN")),
        (
            Ask::post("/v1/users", &json!({"username": "a:b", "password": PASSWORD})),
            refused_field("username"),
        ),
        (Ask::post("/v1/tokens", &json!({"lifetime": "0s"})).with(&alice), refused_field("lifetime")),
        (
            Ask::post("/v1/users/me:delete", &json!({"current_password": PASSWORD})).with(&root),
            refused(400, "LAST_ADMIN"),
        ),
        (Ask::get("/v1/greet").header("grpc-timeout", "soon").with(&alice), refused_field("grpc-timeout")),
    ] {
        let said = format!("{ask:?}");
        for version in [Version::One, Version::Two] {
            let answer = ask.clone().over(version).send(server.address).await;
            assert_eq!(answer.refused(), refusal, "{said}");
            if refusal.status == 401 {
                assert_eq!(answer.header("www-authenticate"), Some("Bearer"), "{said}");
            }
        }
    }
}

/// The deadline holds for the body too: who never finishes one is not waited for.
#[tokio::test]
async fn a_body_that_never_ends_ends_with_its_deadline() {
    let server = TestServer::start().await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let half = "POST /v1/users HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ngrpc-timeout: 50m\r\n\
                content-length: 100\r\n\r\n{\"username\":";
    stream.write_all(half.as_bytes()).await.unwrap();
    let mut answer = vec![0; 4096];
    let length = stream.read(&mut answer).await.unwrap();
    let answer = String::from_utf8_lossy(&answer[..length]);
    assert!(answer.starts_with("HTTP/1.1 504 ") && answer.contains("DEADLINE_EXCEEDED"), "{answer}");
}

#[tokio::test]
async fn a_token_that_is_over_says_so() {
    let server = TestServer::start().await;
    let client = server.client().await;
    client.create_user("alice", PASSWORD).await.unwrap();
    let token = client.sign_in("alice", PASSWORD).await;
    server.clock.advance(Duration::from_secs(601));
    let answer = Ask::get("/v1/greet").with(&Credentials::Bearer(&token)).send(server.address).await;
    assert_eq!(answer.refused(), refused(401, "TOKEN_EXPIRED"));
}

#[tokio::test]
async fn a_calls_name_is_the_clients_own_if_it_has_one() {
    let server = TestServer::start().await;
    let ask = |path: &str| Ask::get(path).header("x-request-id", "trace-7").send(server.address);
    for path in ["/v1/greet", "/v1/nothing", "/v1/keys", "/v1/keys?x=1"] {
        assert_eq!(ask(path).await.header("x-request-id"), Some("trace-7"), "{path}");
    }
}

/// What is no call counts as one: guessing paths is no way around a limit, and neither is another wire.
#[tokio::test]
async fn a_peer_has_one_limit_on_all_wires() {
    for path in ["/v1/keys", "/v1/nothing", "/", "/v1/users"] {
        let server = TestServer::start_with(|config| {
            config.peer_limit =
                PeerLimitConfig { calls_per_second: NonZeroU32::new(1), spare_loopback: false };
        })
        .await;
        let client = server.client().await;
        let mut answers = Vec::new();
        for _ in 0..50 {
            answers.push(Ask::get(path).send(server.address).await);
        }
        let limited = answers.iter().find(|answer| answer.status == 429).unwrap();
        assert_eq!(limited.refused(), refused(429, "RATE_LIMITED"), "{path}");
        assert_eq!(limited.header("retry-after"), Some("1"));
        let over_grpc = [(); 3].map(|()| client.greet(Credentials::None));
        let mut reasons = Vec::new();
        for greeting in over_grpc {
            reasons.push(greeting.await.unwrap_err().reason);
        }
        assert!(reasons.contains(&"RATE_LIMITED".to_owned()), "{path}: {reasons:?}");
    }
}
