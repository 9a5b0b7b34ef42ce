//! Clients that we did not write walk one list of calls and refusals: grpcurl by reflection v1alpha and buf by v1, and over
//! gRPC-Web buf, the client of web pages, and tonic-web's own.

mod connect_page;
mod connect_web;
mod gateway;
mod programs;
mod tonic_web;
mod walk;

use std::path::{Path, PathBuf};
use std::process::Command;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use prost::Message;
use serde_json::Value;
use tonic_types::pb::ErrorInfo;

use self::connect_page::{ConnectPage, Shop};
use self::connect_web::ConnectWeb;
use self::programs::{BufCurl, Grpcurl};
use self::tonic_web::TonicWeb;
use self::walk::{see_rarer_refusals, see_rate_limit, walk_a_session};
use crate::harness::{Binary, run, tool};

/// A program that calls a method with a body and an `authorization`.
trait Foreign {
    /// The answer as JSON, or the reason of the refusal.
    fn call(&self, method: &str, authorization: Option<&str>, body: &Value) -> Result<Value, String>;
}

/// Which service a method is of.
fn path(method: &str) -> String {
    format!("{}/{method}", service(method))
}

fn service(method: &str) -> &'static str {
    let of_admins = ["SetRoles", "CreateResetCode", "DisableUser", "ListSecurityEvents"];
    if of_admins.contains(&method) { "auth.v1.AdminService" } else { "auth.v1.AuthService" }
}

/// The answer, or what was printed instead of one. The body goes through standard input, which has room for large ones.
fn outcome(command: &mut Command, body: &Value) -> Result<Value, String> {
    let output = run(command, &body.to_string());
    let (said, complained) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if output.status.success() {
        Ok(serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}")))
    } else {
        Err(complained.into_owned())
    }
}

fn decode_reason(value: &Value) -> String {
    let bytes = STANDARD_NO_PAD.decode(value.as_str().unwrap().trim_end_matches('=')).unwrap();
    ErrorInfo::decode(bytes.as_slice()).unwrap().reason
}

const ONE_A_SECOND: [&str; 2] = ["--peer-rate", "1"];

fn proto_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("proto")
}

/// The whole list, by reflection, but for the limit: calls of reflection would be counted too.
async fn walk_by_reflection<C: Foreign>(client: impl Fn(&Binary, Option<PathBuf>) -> C) {
    let server = Binary::start(&[]);
    let by_reflection = client(&server, None);
    walk_a_session(&by_reflection, "alice");
    see_rarer_refusals(&by_reflection, &server).await;
    let limited = Binary::start(&ONE_A_SECOND);
    see_rate_limit(&client(&limited, Some(proto_folder())));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn grpcurl_walks_a_whole_session() {
    let Some(program) = tool("grpcurl") else { return };
    let client = |server: &Binary, protos| Grpcurl {
        program: program.clone(),
        address: server.address.to_string(),
        protos,
    };
    walk_by_reflection(client).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn buf_curl_walks_a_whole_session() {
    let Some(program) = tool("buf") else { return };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).to_owned();
    let client = |server: &Binary, protos| {
        let address = server.address.to_string();
        BufCurl { program: program.clone(), address, folder: folder.clone(), protocol: "grpc", protos }
    };
    walk_by_reflection(client).await;
}

/// The whole list, over gRPC-Web, where nothing is found out by reflection.
async fn walk_over_grpc_web<C: Foreign>(client: impl Fn(&Binary) -> C, arguments: &[&str]) {
    let server = Binary::start(arguments);
    walk_a_session(&client(&server), "alice");
    see_rarer_refusals(&client(&server), &server).await;
    let limited = Binary::start(&[&ONE_A_SECOND, arguments].concat());
    see_rate_limit(&client(&limited));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn buf_curl_walks_a_whole_session_over_grpc_web() {
    let Some(program) = tool("buf") else { return };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).to_owned();
    let client = |server: &Binary| BufCurl {
        program: program.clone(),
        address: server.address.to_string(),
        folder: folder.clone(),
        protocol: "grpcweb",
        protos: Some(proto_folder()),
    };
    walk_over_grpc_web(client, &[]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_client_of_web_pages_walks_a_whole_session() {
    let Some(node) = tool("clients-node") else { return };
    walk_over_grpc_web(|server| ConnectWeb { node: node.clone(), address: server.address }, &[]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tonic_webs_client_walks_a_whole_session() {
    walk_over_grpc_web(|server| TonicWeb { address: server.address }, &[]).await;
}

/// In a browser, from a listed origin: it reads what it may read of answers and refusals.
#[tokio::test]
async fn a_listed_page_walks_a_whole_session_in_a_browser() {
    let Some(shop) = Shop::open() else { return };
    let listed = ["--cors-origins", shop.origin.as_str()];
    let client = |server: &Binary| ConnectPage { shop: shop.clone(), address: server.address };
    walk_over_grpc_web(client, &listed).await;
}

/// The lines that the service prints to try are tried, by a shell, as they stand.
#[test]
fn the_three_lines_work_as_printed() {
    let Some(_) = tool("grpcurl") else { return };
    let server = Binary::start(&[]);
    for (line, expected) in server.lines_to_try().iter().zip(["userId", "v4.public.", "Hello, demo!"]) {
        let output = Command::new("sh").args(["-c", line]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(said.contains(expected), "{line}: {said} {}", String::from_utf8_lossy(&output.stderr));
    }
    server.stop();
}
