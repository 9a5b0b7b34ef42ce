//! The commands for signing keys, as an operator uses them.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use crate::harness::{Binary, Credentials, Desk, PASSWORD, on_postgres, said_no, said_yes};

fn keys(json: &str) -> Vec<(String, String)> {
    let list: Value = serde_json::from_str(json).unwrap();
    let text = |key: &Value, name: &str| key[name].as_str().unwrap().to_owned();
    list["keys"].as_array().unwrap().iter().map(|key| (text(key, "state"), text(key, "keyId"))).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_rotates_and_revokes_keys() {
    let mut desk = Desk::open();
    let client = desk.server.client().await;
    client.create_user("alice", PASSWORD).await.unwrap();
    let token = client.sign_in("alice", PASSWORD).await;
    let list = |desk: &Desk| keys(&said_yes(&desk.server.run(&["key", "list", "--json"], "")));

    let before = list(&desk);
    assert_eq!((before[0].0.as_str(), before[1].0.as_str()), ("KEY_STATE_ACTIVE", "KEY_STATE_NEXT"));
    let rotated = desk.table(&["key", "rotate"]);
    assert!(rotated.contains("NEXT") && rotated.contains("the next key signs from "), "{rotated}");
    client.greet(Credentials::Bearer(&token)).await.unwrap();

    assert!(desk.refused(2, &["key", "revoke", "--yes"]).contains("KEY ID"));
    assert!(desk.refused(2, &["key", "revoke", &before[0].1]).contains("--yes"));
    let unknown = desk.refused(1, &["key", "revoke", "k4.pid.x", "--yes"]);
    assert!(unknown.contains("key_id") && unknown.contains("FIELD_INVALID"), "{unknown}");
    let after = keys(&desk.table(&["key", "revoke", &before[0].1, "--yes", "--json"]));
    assert_eq!(after[0], ("KEY_STATE_ACTIVE".to_owned(), before[1].1.clone()));
    assert!(client.greet(Credentials::Bearer(&token)).await.is_err());

    // Its own token has gone with the key.
    assert!(desk.refused(1, &["key", "rotate"]).contains("TOKEN_REVOKED"));
    desk.token = desk.sign_in("root");
    desk.table(&["key", "revoke", "--all", "--yes"]);
    let listed = list(&desk);
    assert!(listed.iter().all(|(_, id)| before.iter().all(|(_, old)| old != id)), "{listed:?}");
    desk.server.stop();
}

#[test]
fn an_operator_changes_the_master_key() {
    if on_postgres() {
        return; // It is about the files of SQLite.
    }
    let server = Binary::start(&[]);
    let id = |output: &std::process::Output| keys(&said_yes(output))[0].1.clone();
    let before = id(&server.run(&["key", "list", "--json"], ""));
    let new = said_yes(&server.run(&["master-key", "new"], ""));
    let path = server.folder.path().join("new.key");
    fs::write(&path, &new).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    let rewrap = ["key", "rewrap", "--master-key-file", "new.key,countersign.key"];
    // With the old one missing nothing is changed.
    let missing = said_no(1, &server.run(&["key", "rewrap", "--master-key-file", "new.key"], ""));
    assert!(missing.contains("k4.lid."), "{missing}");
    let said = said_yes(&server.run(&rewrap, ""));
    assert!(said.starts_with("3 keys"), "two signing keys and the server key: {said}");
    assert!(said_yes(&server.run(&rewrap, "")).contains("already"));
    let (status, log, folder) = server.stop();
    assert!(status.success(), "{log}");

    fs::remove_file(folder.path().join("countersign.key")).unwrap();
    let server = Binary::start_in(folder, &["--master-key-file", "new.key"]);
    assert_eq!(id(&server.run(&["key", "list", "--json"], "")), before);
    server.stop();
}
