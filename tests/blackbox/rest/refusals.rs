//! What a refusal looks like over HTTP.

use std::num::NonZeroU32;
use std::time::Duration;

use countersign::transport::PeerLimitConfig;
use countersign::web::WebOrigin;
use http::Method;
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

/// Programs get the name of the proto on every wire; people read the one that they have written.
#[tokio::test]
async fn a_sentence_has_the_names_of_json() {
    let server = TestServer::start().await;
    let client = server.client().await;
    client.create_user("alice", PASSWORD).await.unwrap();
    let token = client.sign_in("alice", PASSWORD).await;
    let alice = Credentials::Bearer(&token);
    let delete =
        Ask::post("/v1/users/me:delete", &json!({"currentPassword": PASSWORD, "waitForVerifiers": "-1s"}));
    let change = Ask::post("/v1/users/me:changePassword", &json!({"currentPassword": 7}));
    for (ask, field, sentence) in [
        (delete, "wait_for_verifiers", "waitForVerifiers must"),
        (change, "current_password", "currentPassword must be a string"),
        // In the path it is spelled as in the proto.
        (Ask::get("/v1/users/you"), "user_id", "user_id must"),
    ] {
        let answer = ask.with(&alice).send(server.address).await;
        assert_eq!(answer.refused(), refused_field(field));
        let said = answer.json()["message"].as_str().unwrap().to_owned();
        assert!(said.starts_with(sentence), "{said}");
    }
    let missing = Ask::get("/v1/greet").send(server.address).await.json();
    assert!(
        missing["message"].as_str().unwrap().contains("authorization, the header or metadata"),
        "{missing}"
    );
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
    let grpc = |verb| Ask::new(verb, "/auth.v1.AuthService/Greet").header("content-type", "application/grpc");
    let shop = |verb, path| Ask::new(verb, path).header("origin", "https://shop.example");
    for ask in [
        Ask::get("/v1/keys"),
        Ask::get("/v1/nothing"),
        Ask::get("/"),
        Ask::get("/v1/users"),
        Ask::get("/v1/keys").header("host", "a/b"),
        grpc(Method::POST),
        grpc(Method::GET),
        shop(Method::OPTIONS, "/v1/users").header("access-control-request-method", "POST"),
        shop(Method::GET, "/v1/keys"),
        Ask::get("/v1/keys").header("origin", "https://evil.example"),
    ] {
        let server = TestServer::start_with(|config| {
            config.web.cors_origins = vec![WebOrigin::parse("https://shop.example").unwrap()];
            config.peer_limit =
                PeerLimitConfig { calls_per_second: NonZeroU32::new(1), spare_loopback: false };
        })
        .await;
        let client = server.client().await;
        let mut answers = Vec::new();
        for _ in 0..50 {
            answers.push(ask.clone().send(server.address).await);
        }
        let limited = answers.iter().find(|answer| answer.status == 429).unwrap();
        assert_eq!(limited.refused(), refused(429, "RATE_LIMITED"), "{ask:?}");
        assert_eq!(limited.header("retry-after"), Some("1"));
        let over_grpc = [(); 3].map(|()| client.greet(Credentials::None));
        let mut reasons = Vec::new();
        for greeting in over_grpc {
            reasons.push(greeting.await.unwrap_err().reason);
        }
        assert!(reasons.contains(&"RATE_LIMITED".to_owned()), "{ask:?}: {reasons:?}");
    }
}

/// A browser that guesses what an answer is may run it.
#[tokio::test]
async fn no_answer_is_taken_for_what_it_looks_like() {
    let server = TestServer::start_with(|config| {
        config.web.cors_origins = vec![WebOrigin::parse("https://shop.example").unwrap()];
    })
    .await;
    let typed = |kind| Ask::new(Method::POST, "/auth.v1.AuthService/Greet").header("content-type", kind);
    for (ask, status) in [
        (Ask::get("/v1/keys"), 200),
        (Ask::get("/v1/keys").header("if-none-match", "*"), 304),
        (Ask::get("/openapi.json"), 200),
        (Ask::get("/"), 200),
        (Ask::new(Method::PUT, "/"), 405),
        (Ask::get("/v1/greet"), 401),
        (Ask::get("/nothing"), 404),
        (Ask::get("/api/token"), 401),
        (Ask::get("/api/nothing"), 404),
        (Ask::new(Method::PUT, "/v1/keys"), 405),
        (Ask::new(Method::OPTIONS, "/v1/keys"), 204),
        (typed("text/plain"), 404),
        (typed("application/grpc+json"), 415),
        (typed("application/grpc"), 505),
        (Ask::get("/v1/keys").header("host", "a/b"), 400),
        (Ask::get("/v1/keys").header("origin", "https://evil.example"), 403),
        (
            Ask::new(Method::OPTIONS, "/v1/keys")
                .header("origin", "https://shop.example")
                .header("access-control-request-method", "GET"),
            200,
        ),
    ] {
        let answer = ask.clone().send(server.address).await;
        assert_eq!(answer.status, status, "{ask:?}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{ask:?}");
        assert!(answer.header("x-request-id").is_some(), "{ask:?}");
    }
}
