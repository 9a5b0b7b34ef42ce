//! The commands for verifiers, as an operator uses them.

use std::process::Output;

use countersign::pb::auth::v1::VerifierHello;
use serde_json::{Value, json};

use crate::harness::{Credentials, Desk, PASSWORD, Watcher, hello, said_yes};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_sees_who_verifies_and_waits_until_they_know() {
    let desk = Desk::open();
    assert_eq!(desk.table(&["verifier", "list"]).lines().count(), 1, "headings alone");
    desk.create_user("orders", &["--role", "verifier"]);
    let alice = desk.create_user("alice", &[]);
    let client = desk.server.client().await;
    let channel = desk.server.channel().await;
    let mut watcher =
        Watcher::begin(channel, Credentials::Basic("orders", PASSWORD), hello("orders\u{7}1")).await;
    assert!(watcher.is_err(), "a name that a terminal obeys is none");
    let channel = desk.server.channel().await;
    watcher = Watcher::begin(channel, Credentials::Basic("orders", PASSWORD), hello("orders-1")).await;
    let mut watcher = watcher.unwrap();
    let position = watcher.told().await.heartbeat.position.unwrap();
    watcher.report(position, 4).await;
    watcher.told_until(4).await;

    let listed = desk.table(&["verifier", "list"]);
    let row = listed.lines().nth(1).unwrap();
    let cells: Vec<&str> = row.split_whitespace().collect();
    assert_eq!(
        (cells[0], cells[1], cells[2], cells[4], cells[6]),
        ("orders-1", "connected", "0", "30s", "127.0.0.1")
    );
    let json = desk.json(&["verifier", "list"]);
    assert_eq!(json["verifiers"][0]["instance"], "orders-1");
    assert_eq!(json["verifiers"][0]["connected"], true);

    // What nobody has applied in time is done, and told.
    client.open("alice", PASSWORD).await;
    let output = desk.run_as(&desk.token, &["session", "revoke-all", &alice, "--wait-for-verifiers", "1s"]);
    assert_eq!((output.status.code(), &*output.stdout), (Some(1), &b"ended 1 session\n"[..]));
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(
        complaint.contains("it is done, but one verifier has not applied it yet: orders-1"),
        "{complaint}"
    );
    assert!(desk.json(&["session", "list", &alice])["sessions"].as_array().unwrap().is_empty());

    // One that applies what it hears is waited for, whatever the command.
    let reading = tokio::spawn(async move {
        for nonce in 10.. {
            let position = watcher.told().await.heartbeat.position.unwrap();
            watcher.report(position, nonce).await;
        }
    });
    let wait = ["--wait-for-verifiers", "10s"];
    client.open("alice", PASSWORD).await;
    desk.table(&[&["user", "set-roles", &alice, "buyer"], &wait[..]].concat());
    client.open("alice", PASSWORD).await;
    desk.table(&[&["user", "disable", &alice], &wait[..]].concat());
    let refused = desk.refused(2, &["user", "disable", &alice, "--wait-for-verifiers", "soon"]);
    assert!(refused.contains("--wait-for-verifiers"), "{refused}");
    let refused = desk.refused(1, &["user", "disable", &alice, "--wait-for-verifiers", "1m"]);
    assert!(refused.contains("wait_for_verifiers must be at most 10 s"), "{refused}");
    desk.table(&[&["user", "delete", &alice, "--yes"], &wait[..]].concat());
    desk.table(&[&["token", "revoke"], &wait[..]].concat());
    reading.abort();
    desk.server.stop();
}

/// What a command said to programs that has done it, but not everybody knows.
fn half_done(output: &Output) -> Value {
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{complaint}");
    assert!(complaint.contains("one verifier has not applied it yet"), "{complaint}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_wait_came_to_is_told_to_programs_whatever_the_command() {
    let mut desk = Desk::open();
    desk.create_user("orders", &["--role", "verifier"]);
    let alice = desk.create_user("alice", &[]);
    assert_eq!(desk.json(&["session", "revoke-all", &alice]), json!({}), "nobody asked");
    let waited = desk.json(&["session", "revoke-all", &alice, "--wait-for-verifiers", "1s"]);
    assert_eq!(waited, json!({"verifiersPending": 0, "pendingVerifiers": []}));
    let other = desk.sign_in("root");
    let said = said_yes(&desk.run_as(&other, &["token", "revoke", "--wait-for-verifiers", "1s"]));
    assert_eq!(said, "no token of this session is good any more\n");

    let channel = desk.server.channel().await;
    // However slow this machine is, its lease does not end meanwhile.
    let max_staleness = Some(prost_types::Duration { seconds: 600, nanos: 0 });
    let hello = VerifierHello { max_staleness, ..hello("orders-1") };
    let mut watcher = Watcher::begin(channel, Credentials::Basic("orders", PASSWORD), hello).await.unwrap();
    let position = watcher.told().await.heartbeat.position.unwrap();
    let sequence = position.sequence;
    watcher.report(position, 4).await;
    watcher.told_until(4).await;
    let listed = desk.json(&["verifier", "list"]);
    assert_eq!(listed["position"]["incarnation"].as_str().unwrap().len(), 24, "16 bytes in base64: {listed}");
    assert_eq!(listed["position"]["sequence"].as_str().unwrap().parse(), Ok(sequence));
    assert_eq!(listed["verifiers"][0]["applied"], listed["position"]);

    // It applies nothing from here on.
    desk.server.client().await.open("alice", PASSWORD).await;
    let session = desk.json(&["session", "list", &alice])["sessions"][0]["sessionId"].clone();
    let keys = desk.json(&["key", "list"]);
    let active = keys["keys"].as_array().unwrap().iter().find(|key| key["state"] == "KEY_STATE_ACTIVE");
    let key_id = active.unwrap()["keyId"].as_str().unwrap();
    let wait = ["--wait-for-verifiers", "1s", "--json"];
    for command in [
        &["session", "revoke", session.as_str().unwrap()][..],
        &["session", "revoke-all", "root"],
        &["user", "set-roles", &alice, "buyer"],
        &["user", "disable", &alice],
        &["user", "delete", &alice, "--yes"],
        &["key", "revoke", key_id, "--yes"],
    ] {
        desk.token = desk.sign_in("root");
        let said = half_done(&desk.run_as(&desk.token, &[command, &wait[..]].concat()));
        assert_eq!(said["verifiersPending"], 1, "{command:?}: {said}");
        assert_eq!(said["pendingVerifiers"], json!(["orders-1"]), "{command:?}: {said}");
    }
    // To whoever signs out, no names are told.
    desk.token = desk.sign_in("root");
    let said = half_done(&desk.run_as(&desk.token, &[&["token", "revoke"], &wait[..]].concat()));
    assert_eq!(said, json!({"verifiersPending": 1}));
    let said = desk.run_as(&desk.token, &["token", "revoke", "--wait-for-verifiers", "1s"]);
    let said = String::from_utf8(said.stdout).unwrap();
    assert_eq!(said, "the server takes no token of this session any more\n", "others may");
    desk.server.stop();
}
