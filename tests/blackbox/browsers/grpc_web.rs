//! gRPC-Web over HTTP/1.1, in both of its forms.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use countersign::pb::auth::v1 as pb;
use prost::Message;
use tonic::Code;

use super::{call, frame, outcome};
use crate::harness::{HttpAnswer, PASSWORD, Refused, TestServer, basic_header, http, refused};

const GREET: &str = "/auth.v1.AuthService/Greet";

fn alice() -> pb::CreateUserRequest {
    pb::CreateUserRequest { username: "alice".to_owned(), password: PASSWORD.to_owned() }
}

async fn post(server: &TestServer, headers: &[(&str, &str)], body: &[u8]) -> HttpAnswer {
    http(server.address, ("POST", GREET), headers, body.to_vec()).await
}

#[tokio::test]
async fn a_session_walks_over_grpc_web() {
    let server = TestServer::start().await;
    let created: pb::CreateUserResponse = outcome(&call(&server, "CreateUser", &[], &alice()).await).unwrap();
    assert_eq!(created.user.unwrap().username, "alice");
    let basic = [("authorization", &*basic_header("alice", PASSWORD))];
    let answer = call(&server, "IssueToken", &basic, &pb::IssueTokenRequest::default()).await;
    assert_eq!(answer.header("content-type"), "application/grpc-web+proto");
    assert!(!answer.header("x-request-id").is_empty());
    let issued: pb::IssueTokenResponse = outcome(&answer).unwrap();
    let bearer = format!("Bearer {}", issued.token);
    let greeting: pb::GreetResponse =
        outcome(&call(&server, "Greet", &[("authorization", &bearer)], &pb::GreetRequest {}).await).unwrap();
    assert_eq!(greeting.message, "Hello, alice!");
}

#[tokio::test]
async fn refusals_carry_their_status_and_details_where_a_page_can_read_them() {
    let server = TestServer::start().await;
    let answer = call(&server, "Greet", &[], &pb::GreetRequest {}).await;
    assert_eq!((answer.status.as_u16(), answer.header("grpc-status")), (200, "16"));
    let missing = outcome::<pb::GreetResponse>(&answer).unwrap_err();
    assert_eq!(refused(&missing), Refused::unauthenticated("CREDENTIALS_MISSING"));
    let nameless = pb::CreateUserRequest { username: String::new(), ..alice() };
    let answer = call(&server, "CreateUser", &[], &nameless).await;
    let refusal = outcome::<pb::CreateUserResponse>(&answer).unwrap_err();
    assert_eq!(refused(&refusal), Refused::field("username"));
    let unknown = call(&server, "Nothing", &[], &pb::GreetRequest {}).await;
    assert_eq!(outcome::<pb::GreetResponse>(&unknown).unwrap_err().code(), Code::Unimplemented);
}

#[tokio::test]
async fn messages_in_base64_are_read_and_answered_in_base64() {
    let server = TestServer::start().await;
    server.client().await.create_user("alice", PASSWORD).await.unwrap();
    let basic = basic_header("alice", PASSWORD);
    let text = STANDARD.encode(frame(&pb::GreetRequest {}.encode_to_vec()));
    for content_type in [
        "application/grpc-web-text",
        "application/grpc-web-text+proto",
        "Application/GRPC-Web-Text; charset=utf-8",
    ] {
        let headers = [("content-type", content_type), ("authorization", &basic)];
        let answer = post(&server, &headers, text.as_bytes()).await;
        assert_eq!(answer.header("content-type"), "application/grpc-web-text+proto");
        assert_eq!(outcome::<pb::GreetResponse>(&answer).unwrap().message, "Hello, alice!");
    }
    for broken in ["!!!!", "AAA", "AAAA=AAA", "AAAAAAD/////"] {
        let headers = [("content-type", "application/grpc-web-text"), ("authorization", &basic)];
        let refusal = outcome::<pb::GreetResponse>(&post(&server, &headers, broken.as_bytes()).await);
        let code = refusal.unwrap_err().code();
        assert!(matches!(code, Code::InvalidArgument | Code::ResourceExhausted), "{broken} {code:?}");
    }
}

#[tokio::test]
async fn what_is_sent_in_another_way_is_refused_in_terms_of_http() {
    let server = TestServer::start().await;
    for (content_type, expected) in [
        ("application/grpc-web; charset=utf-8", 200),
        ("application/grpc-web+json", 415),
        ("application/grpc-web-text+thrift", 415),
    ] {
        let answer = post(&server, &[("content-type", content_type)], &frame(&[])).await;
        assert_eq!(answer.status.as_u16(), expected, "{content_type}");
    }
    let typed = [("content-type", "application/grpc-web")];
    let answer = http(server.address, ("GET", GREET), &typed, "").await;
    assert_eq!((answer.status.as_u16(), answer.header("allow")), (405, "POST"));
}

#[tokio::test]
async fn no_answer_is_kept_on_the_way() {
    let server = TestServer::start().await;
    server.client().await.create_user("alice", PASSWORD).await.unwrap();
    let basic = basic_header("alice", PASSWORD);
    for (content_type, authorization) in [
        ("application/grpc-web", &*basic),
        ("application/grpc-web-text", &*basic),
        ("application/grpc-web", "Bearer nonsense"),
        ("application/grpc-web+json", &*basic),
    ] {
        let headers = [("content-type", content_type), ("authorization", authorization)];
        let answer = post(&server, &headers, &frame(&[])).await;
        assert_eq!(answer.header("cache-control"), "no-store", "{content_type} {authorization}");
    }
}

#[tokio::test]
async fn who_sends_too_much_over_http_1_reads_why() {
    let server = TestServer::start().await;
    let large = pb::CreateUserRequest { username: "x".repeat(900_000), ..alice() };
    let json = format!(r#"{{"username":"{}"}}"#, large.username);
    // What has not been read when the answer is written must not take the answer with it.
    for _ in 0..20 {
        let answer = call(&server, "CreateUser", &[], &large).await;
        let refusal = outcome::<pb::CreateUserResponse>(&answer).unwrap_err();
        assert_eq!(refused(&refusal), Refused::new(Code::ResourceExhausted, "MESSAGE_TOO_LARGE"));
        let typed = [("content-type", "application/json")];
        let answer = http(server.address, ("POST", "/v1/users"), &typed, json.clone()).await;
        assert_eq!(answer.status.as_u16(), 413);
    }
}
