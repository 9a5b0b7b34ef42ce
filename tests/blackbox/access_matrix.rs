//! Every method of the descriptor set, with every kind of credentials: the table is generated, so that a new method is
//! in it before anybody remembers.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::{Buf, BufMut};
use countersign::pb::DESCRIPTOR_SET;
use countersign_verify::{AccessTable, Credentials as Rule, MethodRule};
use http::Method;
use serde_json::json;
use tonic::client::Grpc;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::metadata::MetadataValue;
use tonic::transport::Channel;
use tonic::{Code, Status};

use crate::browsers::{self, frame};
use crate::harness::{PASSWORD, Refused, TestServer, basic_header, http, refused};
use crate::rest::{Ask, Schema};

/// What the door has to make of one kind of credentials, where they are looked at.
#[derive(Clone)]
struct Kind {
    name: &'static str,
    values: Vec<String>,
    /// The reason for which they are refused wherever credentials are needed.
    refused: Option<&'static str>,
    roles: Vec<&'static str>,
}

fn kind(name: &'static str, values: Vec<String>, refused: Option<&'static str>) -> Kind {
    Kind { name, values, refused, roles: Vec::new() }
}

async fn kinds(server: &TestServer) -> Vec<Kind> {
    let client = server.client().await;
    for name in ["plain", "admin", "service", "verifier", "disabled"] {
        client.create_user(name, PASSWORD).await.unwrap();
    }
    server
        .execute_sql(
            "UPDATE users SET roles = name_shown WHERE name_shown IN ('admin', 'service', 'verifier')",
        )
        .await;
    let expired = client.sign_in("admin", PASSWORD).await;
    server.execute_sql("UPDATE users SET state = 2 WHERE name_shown = 'disabled'").await;
    server.clock.advance(Duration::from_secs(601));

    let plain = client.sign_in("plain", PASSWORD).await;
    let mut forged = plain.clone();
    forged.replace_range(40..41, if &forged[40..41] == "A" { "B" } else { "A" });
    let mut kinds = vec![
        kind("none", vec![], Some("CREDENTIALS_MISSING")),
        kind("empty", vec![String::new()], Some("CREDENTIALS_INVALID")),
        kind("another scheme", vec!["Digest abc".into()], Some("CREDENTIALS_INVALID")),
        kind(
            "twice",
            vec![format!("Bearer {plain}"), format!("Bearer {plain}")],
            Some("CREDENTIALS_INVALID"),
        ),
        kind("joined", vec![format!("Bearer {plain}, Bearer {plain}")], Some("CREDENTIALS_INVALID")),
        kind("wrong password", vec![basic_header("admin", "wrong password")], Some("CREDENTIALS_INVALID")),
        kind("unknown user", vec![basic_header("nobody", PASSWORD)], Some("CREDENTIALS_INVALID")),
        kind("disabled user", vec![basic_header("disabled", PASSWORD)], Some("CREDENTIALS_INVALID")),
        kind("garbage token", vec!["Bearer v4.public.garbage".into()], Some("TOKEN_INVALID")),
        kind("forged token", vec![format!("Bearer {forged}")], Some("TOKEN_INVALID")),
        kind("refresh token as access token", vec!["Bearer csr_abcdef".into()], Some("TOKEN_INVALID")),
        kind("expired token", vec![format!("Bearer {expired}")], Some("TOKEN_EXPIRED")),
        kind("expired token in Basic", vec![basic_header(&expired, "")], Some("TOKEN_EXPIRED")),
    ];
    for (user, roles) in [
        ("plain", vec![]),
        ("admin", vec!["admin"]),
        ("service", vec!["service"]),
        ("verifier", vec!["verifier"]),
    ] {
        let token = client.sign_in(user, PASSWORD).await;
        let good =
            |name, value: String| Kind { name, values: vec![value], refused: None, roles: roles.clone() };
        kinds.push(good("password", basic_header(user, PASSWORD)));
        kinds.push(good("token", format!("Bearer {token}")));
        kinds.push(good("token in Basic", basic_header(&token, "anything")));
    }
    kinds
}

/// What the rule alone says; methods that decide by themselves are named here, each with its decision.
fn expected(method: &MethodRule, kind: &Kind) -> Result<(), Refused> {
    let name = method.path.rsplit('/').next().unwrap();
    let looks = match (method.rule.credentials, name) {
        (Rule::Ignored, _) | (Rule::Optional, "CreateUser") => return Ok(()),
        (Rule::Required | Rule::TokenOnly, _) | (Rule::Optional, "IssueToken") => &method.rule,
        (Rule::Optional, other) => panic!("say here what {other} does with credentials"),
    };
    let in_basic = kind.values.first().is_some_and(|value| value.starts_with("Basic "));
    if looks.credentials == Rule::TokenOnly && in_basic {
        return Err(Refused::unauthenticated("CREDENTIALS_INVALID"));
    }
    if let Some(reason) = kind.refused {
        return Err(Refused::unauthenticated(reason));
    }
    let allowed = looks.roles.is_empty()
        || looks.acts_on_self
        || looks.roles.iter().any(|r| kind.roles.contains(&r.as_str()));
    if allowed { Ok(()) } else { Err(Refused::new(Code::PermissionDenied, "ROLE_REQUIRED")) }
}

/// An id that is nobody's.
const NOBODY: &str = "0193b4a0-5f6e-7c3a-8d5e-1f2a3b4c5d6e";

/// A message that no method can decode: who is let in is told so, and nothing happens to anybody.
const UNDECODABLE: &[u8] = &[0x08];

async fn call(channel: &Channel, path: &str, kind: &Kind, message: &'static [u8]) -> Result<(), Refused> {
    let mut request = tonic::Request::new(message);
    for value in &kind.values {
        request.metadata_mut().append("authorization", MetadataValue::try_from(value).unwrap());
    }
    let mut grpc = Grpc::new(channel.clone());
    grpc.ready().await.unwrap();
    let answer = grpc.unary(request, path.parse().unwrap(), RawCodec).await;
    answer.map(|_| ()).map_err(|status| refused(&status))
}

/// The same over gRPC-Web.
async fn call_from_page(
    server: &TestServer,
    path: &str,
    kind: &Kind,
    message: &'static [u8],
) -> Result<(), Refused> {
    let mut headers = vec![("content-type", "application/grpc-web+proto")];
    headers.extend(kind.values.iter().map(|value| ("authorization", value.as_str())));
    let answer = http(server.address, ("POST", path), &headers, frame(message)).await;
    browsers::message(&answer).map(|_| ()).map_err(|status| refused(&status))
}

/// The same over HTTP, by the method's own verb and path, with a field that no method has where `nonsense` is asked for.
async fn call_over_http(
    server: &TestServer,
    (verb, template): &(Method, String),
    kind: &Kind,
    nonsense: bool,
) -> Result<(), Refused> {
    let path = template.replace("{user_id}", "me").replace("{session_id}", NOBODY);
    assert!(!path.contains('{'), "say here what goes into {path}");
    let mut ask = match (verb == Method::POST, nonsense) {
        (true, true) => Ask::post(&path, &json!({"nonsense": 1})),
        (true, false) => Ask::post(&path, &json!({})),
        (false, true) => Ask::new(verb.clone(), &format!("{path}?nonsense=1")),
        (false, false) => Ask::new(verb.clone(), &path),
    };
    for value in &kind.values {
        ask = ask.header("authorization", value);
    }
    let answer = ask.send(server.address).await;
    if answer.status == 200 {
        return Ok(());
    }
    let (refusal, code) = (answer.refused(), answer.json()["code"].as_i64().unwrap());
    let code = Code::from_i32(i32::try_from(code).unwrap());
    Err(Refused { field: refusal.field, ..Refused::new(code, &refusal.reason) })
}

#[tokio::test]
async fn every_method_with_every_kind_of_credentials_on_every_wire() {
    let server = TestServer::start().await;
    let kinds = kinds(&server).await;
    let table = AccessTable::parse(
        DESCRIPTOR_SET,
        &["auth.v1.AdminService", "auth.v1.AuthService", "auth.v1.TrustService"],
    )
    .unwrap();
    let channel = server.channel().await;
    let schema = Schema::read();
    let rules: BTreeMap<_, _> = schema
        .methods()
        .iter()
        .map(|method| {
            let path = format!("/{}/{}", method.parent_service().full_name(), method.name());
            (path, schema.rule(method))
        })
        .collect();
    let (mut cells, mut over_http) = (BTreeMap::new(), 0);
    for method in table.iter() {
        // A method that decides by itself has to see what it decides on.
        let nonsense = method.rule.credentials != Rule::Optional;
        let message = if nonsense { UNDECODABLE } else { &[] };
        for kind in &kinds {
            let cell = format!("{} with {} {:?}", method.path, kind.name, kind.roles);
            let expected = expected(method, kind);
            let mut answers = vec![
                ("gRPC", call(&channel, &method.path, kind, message).await),
                ("gRPC-Web", call_from_page(&server, &method.path, kind, message).await),
            ];
            if let Some(rule) = rules.get(&method.path) {
                answers.push(("HTTP", call_over_http(&server, rule, kind, nonsense).await));
                over_http += 1;
            }
            for (wire, got) in &answers {
                match &expected {
                    Err(refusal) => assert_eq!(got.as_ref(), Err(refusal), "{cell} over {wire}"),
                    // Let in: what an empty message deserves is the method's business, and no question of access.
                    Ok(()) => {
                        let denied =
                            |r: &Refused| matches!(r.code, Code::Unauthenticated | Code::PermissionDenied);
                        assert!(!got.as_ref().is_err_and(denied), "{cell} over {wire}: {got:?}");
                    }
                }
            }
            cells.insert(cell, answers.len());
        }
    }
    assert_eq!(cells.len(), table.iter().count() * kinds.len());
    assert!(cells.len() >= 18 * 25, "{}", cells.len());
    assert_eq!(over_http, rules.len() * kinds.len(), "every path is in the table");
}

#[tokio::test]
async fn another_spelling_of_a_path_reaches_nothing() {
    let server = TestServer::start().await;
    let kinds = kinds(&server).await;
    let admin = kinds.iter().find(|kind| kind.name == "token" && kind.roles == ["admin"]).unwrap();
    let channel = server.channel().await;
    call(&channel, "/auth.v1.AuthService/Greet", admin, &[]).await.unwrap();
    for path in [
        "//auth.v1.AuthService/Greet",
        "/auth.v1.AuthService//Greet",
        "/auth.v1.AuthService/Greet/",
        "/auth.v1.AuthService/Greet?",
        "/auth.v1.AuthService/Greet?x=1",
        "/auth.v1.AuthService/greet",
        "/auth.v1.authservice/Greet",
        "/auth.v1.AuthService/%47reet",
        "/auth.v1.AuthService/x/../Greet",
        "/auth.v1.AuthService/%2e%2e/Greet",
        "/auth.v1.AuthService",
        "/auth.v1.AuthService/",
        "/AuthService/Greet",
        "/auth.v1.AuthService/Missing",
        "/auth.v2.AuthService/Greet",
        "/grpc.health.v1.Health/check",
        "/",
    ] {
        let refusal = call(&channel, path, admin, &[]).await.unwrap_err();
        assert_eq!(refusal, Refused::new(Code::Unimplemented, "METHOD_UNKNOWN"), "{path}");
    }
}

/// Sends bytes as they are, and looks at no answer.
#[derive(Default)]
struct RawCodec;

impl Codec for RawCodec {
    type Encode = &'static [u8];
    type Decode = ();
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for RawCodec {
    type Item = &'static [u8];
    type Error = Status;

    fn encode(&mut self, message: Self::Item, to: &mut EncodeBuf<'_>) -> Result<(), Status> {
        to.put_slice(message);
        Ok(())
    }
}

impl Decoder for RawCodec {
    type Item = ();
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<()>, Status> {
        from.advance(from.remaining());
        Ok(Some(()))
    }
}
