//! The commands for verifiers, as an operator uses them.

use crate::harness::{Credentials, Desk, PASSWORD, Watcher, hello};

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
