//! Clients that we did not write, over TLS.

use std::fs;
use std::path::Path;
use std::process::Command;

use countersign::pb::auth::v1 as pb;
use prost::Message;

use super::kit::{Authority, Pair, put, self_signed};
use crate::harness::{Binary, PASSWORD, basic_header, run, said_yes, tool};

/// A server that shows this certificate.
fn start(pair: &Pair, more: &[&str]) -> Binary {
    let folder = tempfile::TempDir::new().unwrap();
    put(folder.path(), "cert.pem", &pair.cert);
    put(folder.path(), "key.pem", &pair.key);
    let files = ["--tls-cert-file", "cert.pem", "--tls-key-file", "key.pem"];
    Binary::start_in(folder, &[&files, more].concat())
}

fn try_lines(server: &Binary, change: impl Fn(&str) -> String) {
    for (line, expected) in server.lines_to_try().iter().zip(["userId", "v4.public.", "Hello, demo!"]) {
        let line = change(line);
        let mut command = Command::new("sh");
        command.current_dir(server.folder.path()).args(["-c", &line]);
        let said = said_yes(&run(&mut command, ""));
        assert!(said.contains(expected), "{line}: {said}");
    }
}

#[test]
fn the_three_lines_work_as_printed_for_a_certificate_that_vouches_for_itself() {
    let Some(_) = tool("grpcurl") else { return };
    let server = start(&self_signed(), &[]);
    assert!(
        server.lines_to_try().iter().all(|line| line.contains("grpcurl -cacert cert.pem ")),
        "{}",
        server.greeting
    );
    try_lines(&server, str::to_owned);
}

#[test]
fn the_three_lines_work_as_printed_for_any_other() {
    let Some(_) = tool("grpcurl") else { return };
    let server = start(&Authority::new("ours").of_server(), &[]);
    assert!(
        server.lines_to_try().iter().all(|line| line.contains("grpcurl -insecure ")),
        "{}",
        server.greeting
    );
    try_lines(&server, str::to_owned);
}

#[test]
fn the_three_lines_leave_room_for_the_clients_certificate() {
    let Some(_) = tool("grpcurl") else { return };
    let clients = Authority::new("clients");
    let ca = tempfile::TempDir::new().unwrap();
    let ca_file = put(ca.path(), "ca.pem", &clients.pem());
    let server = start(&self_signed(), &["--tls-client-ca-file", ca_file.to_str().unwrap()]);
    let client = clients.of_client("demo");
    put(server.folder.path(), "client.pem", &client.cert);
    put(server.folder.path(), "client.key", &client.key);
    try_lines(&server, |line| {
        line.replace("CLIENT_CERTIFICATE", "client.pem").replace("CLIENT_KEY", "client.key")
    });
}

/// A gRPC-Web call of curl's: the answer's first line and its body.
fn greet_with_curl(curl: &Path, server: &Binary, version: &str) -> (String, pb::GreetResponse) {
    let body = server.folder.path().join("body");
    fs::write(&body, [0; 5]).unwrap();
    let mut command = Command::new(curl);
    command.current_dir(server.folder.path()).args([
        "--silent",
        "--include",
        version,
        "--cacert",
        "cert.pem",
    ]);
    command.args(["--header", "content-type: application/grpc-web", "--data-binary", "@body", "--header"]);
    command.arg(format!("authorization: {}", basic_header("demo", PASSWORD)));
    command.args(["--cert", "client.pem", "--key", "client.key"]);
    command.arg(format!("https://{}/auth.v1.AuthService/Greet", server.address));
    let output = run(&mut command, "");
    let end_of_headers = output.stdout.windows(4).position(|bytes| bytes == b"\r\n\r\n");
    let end = end_of_headers.unwrap_or_else(|| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    let headers = String::from_utf8(output.stdout[..end].to_vec()).unwrap();
    let message = &output.stdout[end + 4..];
    let length = u32::from_be_bytes(message[1..5].try_into().unwrap()) as usize;
    let answer = pb::GreetResponse::decode(&message[5..5 + length]).unwrap();
    (headers.lines().next().unwrap().trim().to_owned(), answer)
}

#[test]
fn curl_speaks_grpc_web_over_both_versions_of_http() {
    let Some(curl) = tool("curl") else { return };
    let clients = Authority::new("clients");
    let ca = tempfile::TempDir::new().unwrap();
    let ca_file = put(ca.path(), "ca.pem", &clients.pem());
    let server = start(&self_signed(), &["--tls-client-ca-file", ca_file.to_str().unwrap()]);
    let client = clients.of_client("curl");
    put(server.folder.path(), "client.pem", &client.cert);
    put(server.folder.path(), "client.key", &client.key);
    let cheap = ["--argon2-memory-kib", "64", "--argon2-passes", "1"];
    said_yes(&server.run(&[&["user", "create", "--username", "demo"][..], &cheap].concat(), PASSWORD));
    for (version, status) in [("--http1.1", "HTTP/1.1 200 OK"), ("--http2", "HTTP/2 200")] {
        let (said, answer) = greet_with_curl(&curl, &server, version);
        assert_eq!((&*said, &*answer.message), (status, "Hello, demo!"));
        let shown = answer.caller.unwrap().client_certificate.unwrap();
        assert_eq!(shown.subject, "CN=curl", "it comes through gRPC-Web too");
    }
}
