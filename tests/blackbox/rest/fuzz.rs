//! Nonsense over HTTP: whatever is sent, the answer is the sender's fault or none, never the server's.

use std::net::SocketAddr;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;

use crate::harness::{PASSWORD, TestServer, basic_header};

#[derive(Clone, Debug)]
struct Nonsense {
    verb: &'static str,
    path: String,
    query: String,
    content_type: String,
    authorization: String,
    body: Vec<u8>,
}

const PATHS: [&str; 22] = [
    "/v1/users",
    "/v1/users/me",
    "/v1/users/%6de",
    "/v1/tokens",
    "/v1/greet",
    "/v1/tokens:refresh",
    "/v1/tokens:revoke",
    "/v1/sessions",
    "/v1/sessions/x",
    "/v1/sessions:revokeAll",
    "/v1/users/me:changePassword",
    "/v1/users:resetPassword",
    "/v1/users/me:delete",
    "/v1/keys",
    "/v1/tokens:verify",
    "/api/users",
    "/api/users/1",
    "/api/user/me",
    "/api/token",
    "/api/resource",
    "/openapi.json",
    "*",
];
const KINDS: [&str; 6] =
    ["application/json", "application/x-www-form-urlencoded", "text/plain", "application/json;", ";", ""];
const FIELDS: [&str; 12] = [
    "username",
    "password",
    "lifetime",
    "audience",
    "user_id",
    "userId",
    "token",
    "refresh_token",
    "retry_key",
    "keep_current",
    "wait_for_verifiers",
    "expire",
];
const VALUES: [&str; 22] = [
    "null",
    "true",
    "0",
    "-1",
    "1e400",
    "9223372036854775808",
    "0.1",
    "\"\"",
    "\"me\"",
    "\"\\u0000\"",
    "\"\\ud800\"",
    "[]",
    "{}",
    "[[[]]]",
    "{\"a\":{\"a\":1}}",
    "\"-0.000000001s\"",
    "\"315576000000s\"",
    "\"-315576000001s\"",
    "\"99999999999999999999s\"",
    "\"1.s\"",
    "\"AAECAwQFBgcICQoLDA0ODw==\"",
    "\"\u{1f600}\"",
];

fn fields() -> impl Strategy<Value = Vec<(&'static str, &'static str)>> {
    prop::collection::vec((prop::sample::select(&FIELDS[..]), prop::sample::select(&VALUES[..])), 0..4)
}

fn json() -> impl Strategy<Value = Vec<u8>> {
    fields().prop_map(|fields| {
        let members: Vec<_> = fields.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
        format!("{{{}}}", members.join(",")).into_bytes()
    })
}

fn body() -> impl Strategy<Value = Vec<u8>> {
    let form = fields().prop_map(|fields| {
        let pairs: Vec<_> = fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
        pairs.join("&").into_bytes()
    });
    let cut = json().prop_flat_map(|json| (0..=json.len()).prop_map(move |at| json[..at].to_vec()));
    prop_oneof![4 => json(), 1 => form, 1 => cut, 1 => prop::collection::vec(any::<u8>(), 0..64)]
}

fn visible(most: usize) -> impl Strategy<Value = String> {
    prop::collection::vec(0x21_u8..0x7f, 0..most)
        .prop_map(|bytes| bytes.into_iter().map(char::from).collect())
}

fn nonsense() -> impl Strategy<Value = Nonsense> {
    let known = prop::sample::select(&PATHS[..]).prop_map(str::to_owned);
    let near =
        (prop::sample::select(&PATHS[..]), visible(6)).prop_map(|(path, more)| format!("{path}{more}"));
    let path = prop_oneof![4 => known, 1 => near, 1 => visible(24).prop_map(|text| format!("/{text}"))];
    let pairs = fields().prop_map(|fields| {
        let pairs: Vec<_> =
            fields.iter().map(|(name, value)| format!("{name}={}", value.replace(['"', ' '], ""))).collect();
        pairs.join("&")
    });
    let query = prop_oneof![2 => Just(String::new()), 2 => pairs, 1 => visible(16)];
    let kind = prop_oneof![4 => Just("application/json".to_owned()), 1 => prop::sample::select(&KINDS[..]).prop_map(str::to_owned), 1 => visible(12)];
    let credentials = prop_oneof![
        2 => Just(basic_header("alice", PASSWORD)),
        1 => Just(String::new()),
        1 => visible(24),
    ];
    let verb = prop::sample::select(
        &["GET", "POST", "POST", "DELETE", "HEAD", "OPTIONS", "PUT", "PATCH", "BREW"][..],
    );
    (verb, path, query, kind, credentials, body()).prop_map(
        |(verb, path, query, content_type, authorization, body)| Nonsense {
            verb,
            path,
            query,
            content_type,
            authorization,
            body,
        },
    )
}

/// The status of the answer, and what came with it.
async fn send(address: SocketAddr, nonsense: &Nonsense) -> (u16, String) {
    let Nonsense { verb, path, query, content_type, authorization, body } = nonsense;
    let target = if query.is_empty() { path.clone() } else { format!("{path}?{query}") };
    let head = format!(
        "{verb} {target} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: {content_type}\r\n\
         authorization: {authorization}\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(&[head.as_bytes(), body].concat()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let answer = String::from_utf8(answer).unwrap();
    (answer.get(9..12).and_then(|status| status.parse().ok()).unwrap_or_default(), answer)
}

#[test]
fn nonsense_is_answered_as_nonsense() {
    let runtime = Runtime::new().unwrap();
    let server = runtime.block_on(async {
        let server = TestServer::start().await;
        server.client().await.create_user("alice", PASSWORD).await.unwrap();
        server
    });
    let mut runner = TestRunner::new(Config { cases: 1000, failure_persistence: None, ..Config::default() });
    let outcome = runner.run(&nonsense(), |nonsense| {
        let (status, answer) = runtime.block_on(send(server.address, &nonsense));
        prop_assert!((200..500).contains(&status), "{answer}");
        let words = answer.to_lowercase();
        prop_assert!(
            !words.contains("expected") && !words.contains(" at line "),
            "a library speaks: {answer}"
        );
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}
