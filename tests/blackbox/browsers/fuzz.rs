//! Nonsense over gRPC-Web, the same at each run: whatever is sent, the answer is a status that a page can read or a refusal in
//! terms of HTTP, and never the server's fault.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use countersign::pb::auth::v1 as pb;
use http::Request;
use http_body_util::Full;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use prost::Message;
use tokio::runtime::Runtime;
use tonic::Code;

use super::message;
use crate::harness::{HttpVersion, PASSWORD, TestServer, basic_header, http_exchange};

#[derive(Clone, Debug)]
struct Nonsense {
    verb: &'static str,
    method: &'static str,
    content_type: String,
    headers: Vec<(&'static str, &'static str)>,
    knows_password: bool,
    body: Vec<u8>,
}

const METHODS: [&str; 9] = [
    "AuthService/Greet",
    "AuthService/CreateUser",
    "AuthService/IssueToken",
    "AuthService/RefreshToken",
    "AuthService/ListSessions",
    "TrustService/WatchTrust",
    "TrustService/VerifyToken",
    "AdminService/ListUsers",
    "AuthService/Nothing",
];
const CONTENT_TYPES: [&str; 12] = [
    "application/grpc-web",
    "application/grpc-web+proto",
    "application/grpc-web-text",
    "application/grpc-web-text+proto",
    "Application/gRPC-Web; charset=utf-8",
    "application/grpc-web-text;;",
    "application/grpc-web+json",
    "application/grpc-web-",
    "application/grpc",
    "application/grpc-webtext",
    "application/grpc-web, application/grpc-web-text",
    "",
];
const HEADERS: [(&str, &str); 11] = [
    ("grpc-encoding", "gzip"),
    ("grpc-encoding", "identity"),
    ("grpc-accept-encoding", "gzip,br"),
    ("content-encoding", "gzip"),
    ("accept", "application/grpc-web-text"),
    ("accept", "text/html"),
    ("te", "trailers"),
    ("grpc-timeout", "5S"),
    ("grpc-timeout", "-1S"),
    ("grpc-status", "0"),
    ("x-countersign-cookie", "refresh-token"),
];
/// Messages, compressed messages, trailers, and what nobody has defined.
const FLAGS: [u8; 7] = [0, 0, 0, 1, 0x80, 0x81, 0xff];

fn payload() -> impl Strategy<Value = Vec<u8>> {
    let login = pb::IssueTokenRequest {
        username: "alice".to_owned(),
        password: PASSWORD.to_owned(),
        ..pb::IssueTokenRequest::default()
    };
    prop_oneof![
        2 => Just(Vec::new()),
        2 => Just(login.encode_to_vec()),
        1 => Just(b"grpc-status: 0\r\ngrpc-message: \r\n".to_vec()),
        2 => prop::collection::vec(any::<u8>(), 0..48),
        1 => Just(vec![0x0a; 70_000]),
    ]
}

/// What a frame says of its length: mostly the truth.
fn frame() -> impl Strategy<Value = Vec<u8>> {
    let lie = prop_oneof![
        5 => Just(None),
        1 => (0_u32..64).prop_map(Some),
        1 => prop::sample::select(vec![0x1_0000, 0x1_0001, 0x40_0000, 0x7fff_ffff, u32::MAX]).prop_map(Some),
    ];
    (prop::sample::select(&FLAGS[..]), lie, payload()).prop_map(|(flag, lie, payload)| {
        let length = lie.unwrap_or_else(|| u32::try_from(payload.len()).unwrap());
        [&[flag], &length.to_be_bytes()[..], &payload].concat()
    })
}

/// Frames, whole or cut off, as bytes or in base64, in one piece or in one for each frame, with a letter of it changed or not.
fn body() -> impl Strategy<Value = Vec<u8>> {
    let frames = prop::collection::vec(frame(), 0..4);
    let wrongs = (any::<prop::sample::Index>(), any::<u8>(), 0_u8..8);
    (frames, 0_u8..5, wrongs).prop_map(|(frames, form, (place, letter, wrong))| {
        let mut body = match form {
            0 | 1 => frames.concat(),
            2 => STANDARD.encode(frames.concat()).into_bytes(),
            3 => frames.iter().flat_map(|frame| STANDARD.encode(frame).into_bytes()).collect(),
            _ => STANDARD.encode(STANDARD.encode(frames.concat())).into_bytes(),
        };
        if !body.is_empty() {
            let at = place.index(body.len());
            match wrong {
                0 => body.truncate(at),
                1 => body[at] = letter,
                2 => body.insert(at, letter),
                _ => {}
            }
        }
        body
    })
}

fn nonsense() -> impl Strategy<Value = Nonsense> {
    let suffix = prop_oneof![6 => Just(String::new()), 1 => "[ -~]{0,8}"];
    let content_type = (prop::sample::select(&CONTENT_TYPES[..]), suffix);
    (
        prop::sample::select(vec!["POST", "POST", "POST", "POST", "POST", "GET", "PUT"]),
        prop::sample::select(&METHODS[..]),
        content_type.prop_map(|(kind, more)| format!("{kind}{more}")),
        prop::collection::vec(prop::sample::select(&HEADERS[..]), 0..3),
        any::<bool>(),
        body(),
    )
        .prop_map(|(verb, method, content_type, headers, knows_password, body)| Nonsense {
            verb,
            method,
            content_type,
            headers,
            knows_password,
            body,
        })
}

fn request(nonsense: &Nonsense) -> Request<Full<Bytes>> {
    let path = format!("/auth.v1.{}", nonsense.method);
    let mut request =
        Request::builder().method(nonsense.verb).uri(path).header("content-type", &nonsense.content_type);
    for (name, value) in &nonsense.headers {
        request = request.header(*name, *value);
    }
    if nonsense.knows_password {
        request = request.header("authorization", basic_header("alice", PASSWORD));
    }
    request.body(Full::from(nonsense.body.clone())).unwrap()
}

#[test]
fn nonsense_over_grpc_web_is_answered_as_nonsense() {
    let runtime = Runtime::new().unwrap();
    let server = runtime.block_on(async {
        let server = TestServer::start().await;
        server.client().await.create_user("alice", PASSWORD).await.unwrap();
        server
    });
    let config = Config { cases: 1500, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]));
    let outcome = runner.run(&nonsense(), |nonsense| {
        let exchange = http_exchange(server.address, HttpVersion::One, request(&nonsense));
        let answer = runtime.block_on(exchange);
        let status = answer.status.as_u16();
        if status == 200 && answer.header("content-type").starts_with("application/grpc-web") {
            let outcome = message(&answer);
            let code = outcome.as_ref().err().map_or(Code::Ok, |refusal| refusal.code());
            prop_assert!(!matches!(code, Code::Internal | Code::Unknown), "{outcome:?}");
        } else {
            // gRPC itself is refused over HTTP/1.1 as such.
            prop_assert!((400..500).contains(&status) || status == 505, "{answer:?}");
            prop_assert!(answer.body.starts_with(b"{\"code\":"), "{answer:?}");
        }
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}
