//! The same list through the real Envoy, as gateway of gRPC-Web and of native gRPC.

use std::path::Path;

use serde_json::{Value, json};

use super::programs::{BufCurl, Grpcurl};
use super::proto_folder;
use super::walk::walk_a_session;
use crate::harness::{Binary, Gateway, PASSWORD, http, tool};

const BELIEVES_IT: [&str; 2] = ["--trusted-proxies", "127.0.0.1"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_walk_a_whole_session_through_envoy() {
    let (Some(buf), Some(grpcurl)) = (tool("buf"), tool("grpcurl")) else { return };
    let server = Binary::start(&BELIEVES_IT);
    let Some(gateway) = Gateway::start(server.address).await else { return };
    let address = gateway.address.to_string();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).to_owned();
    let protos = Some(proto_folder());
    let web = BufCurl {
        program: buf,
        address: address.clone(),
        folder,
        protocol: "grpcweb",
        protos: protos.clone(),
    };
    walk_a_session(&web, "alice");
    walk_a_session(&Grpcurl { program: grpcurl, address, protos }, "bob");
}

#[tokio::test]
async fn envoy_makes_json_of_answers_and_of_refusals() {
    let server = Binary::start(&BELIEVES_IT);
    let Some(gateway) = Gateway::start(server.address).await else { return };
    let create = async || {
        let body = json!({"username": "alice", "password": PASSWORD}).to_string();
        let typed = [("content-type", "application/json")];
        let answer = http(gateway.address, ("POST", "/v1/users"), &typed, body).await;
        let said: Value = serde_json::from_slice(&answer.body).unwrap();
        (answer.status.as_u16(), said)
    };
    let (status, said) = create().await;
    assert_eq!((status, &said["user"]["username"]), (200, &json!("alice")));
    let (status, said) = create().await;
    assert_eq!((status, &said["details"][0]["reason"]), (409, &json!("USERNAME_TAKEN")));
}
