//! What an operator does to a database by hand: looking whether it fits together, and bringing its schema up to date.

use std::fs;
use std::process::Output;

use countersign_test_servers::Postgres;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::{
    Binary, Credentials, Database, Desk, PASSWORD, countersign, master_key_file, on_postgres, run, said_no,
    said_yes,
};

/// What a check prints that found something.
fn found(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("not fit"), "{output:?}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_in_use_has_no_findings() {
    let mut desk = Desk::open();
    let alice = desk.create_user("alice", &[]);
    desk.create_user("bob", &[]);
    let client = desk.server.client().await;
    let tokens = client.open("alice", PASSWORD).await;
    client.refresh(&tokens.refresh_token, &[1; 16]).await.unwrap();
    client.revoke_token(&client.open("alice", PASSWORD).await.token).await.unwrap();
    client.greet(Credentials::Basic("bob", "wrong horse battery")).await.unwrap_err();
    let check = |desk: &Desk| {
        let key = master_key_file(desk.server.folder.path());
        said_yes(&desk.server.run(&["check", "--master-key-file", key.to_str().unwrap()], ""))
    };
    let said = check(&desk);
    assert!(said.starts_with("checked 3 users, 3 sessions, 1 revocations, "), "{said}");
    assert!(said.ends_with("changes of the schema: no findings\n"), "{said}");

    desk.table(&["user", "reset-code", "bob"]);
    desk.table(&["user", "disable", "bob"]);
    desk.table(&["session", "revoke-all", "alice"]);
    desk.table(&["user", "delete", &alice, "--yes"]);
    desk.table(&["key", "rotate"]);
    check(&desk);
    client.create_user("carol", PASSWORD).await.unwrap();
    client.open("carol", PASSWORD).await;
    desk.table(&["key", "revoke", "--all", "--yes"]);
    check(&desk);
    desk.token = desk.sign_in("root");
    let checked = desk.json(&["check"]);
    assert_eq!(checked["findings"], json!([]));
    assert_eq!(checked["checked"]["users"], json!("4"));
    assert_eq!(checked["checked"]["signingKeys"], json!("2"));
    desk.server.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_damaged_is_named_and_not_shown() {
    let server = Binary::start(&[]);
    let client = server.client().await;
    let alice = client.create_user("alice", PASSWORD).await.unwrap().user_id;
    drop(client);
    let (_, _, folder) = server.stop();
    let database = Database::of(folder.path());
    let key = master_key_file(folder.path());
    let check = |more: &[&str]| {
        let given = [&["check", "--master-key-file", key.to_str().unwrap()], more].concat();
        run(countersign(folder.path()).args(given), "")
    };
    database.execute("UPDATE users SET roles = 'Zebra Crossing'").await;
    let lines = found(&check(&[]));
    assert!(
        lines.starts_with(&format!("table users, column roles, row {alice}: cannot be read\n")),
        "{lines}"
    );
    assert!(lines.ends_with(": 1 finding\n") && !lines.contains("Zebra"), "{lines}");
    let finding = json!({"table": "users", "column": "roles", "row": alice, "finding": "cannot be read"});
    let findings: Value = serde_json::from_str(&found(&check(&["--json"]))).unwrap();
    assert_eq!(findings["findings"], json!([finding]));
    database.execute("UPDATE users SET roles = ''").await;
    said_yes(&check(&[]));

    let new = said_yes(&run(countersign(folder.path()).args(["master-key", "new"]), ""));
    let other = folder.path().join("other.key");
    fs::write(&other, new).unwrap();
    std::process::Command::new("chmod").arg("600").arg(&other).status().unwrap();
    let lines = found(&run(countersign(folder.path()).args(["check", "--master-key-file", "other.key"]), ""));
    assert!(
        lines.contains("table key_ring, column document, row 1: holds a key that is wrapped by"),
        "{lines}"
    );
    assert!(lines.contains("table server_key, column wrapped_by, row 1: names a master key"), "{lines}");

    database.execute("UPDATE server_key SET wrapped_key = 'k4.local-wrap.pie.Zebra'").await;
    let lines = found(&check(&[]));
    assert!(lines.contains("table server_key, column wrapped_key, row 1: does not unwrap"), "{lines}");
    database.execute("UPDATE key_ring SET document = 'Zebra'").await;
    let lines = found(&check(&[]));
    assert!(lines.contains("table key_ring, column document, row 1: is not a ring"), "{lines}");
    assert!(!lines.contains("Zebra"), "{lines}");
    database.execute("DELETE FROM key_ring").await;
    let lines = found(&check(&[]));
    assert!(lines.contains("table key_ring, column document, row 1: is missing"), "{lines}");
}

#[test]
fn a_schema_is_planned_made_and_left_alone() {
    let folder = TempDir::new().unwrap();
    let migrate = |more: &[&str]| said_yes(&run(countersign(folder.path()).arg("migrate").args(more), ""));
    let plan = migrate(&["--plan"]);
    assert!(plan.starts_with("-- m0001_create_users\nBEGIN;\n"), "{plan}");
    assert_eq!(plan.matches("INSERT INTO").count(), plan.matches("-- m00").count(), "{plan}");
    assert_eq!(migrate(&["--plan"]).lines().count(), plan.lines().count(), "nothing has changed");
    if !on_postgres() {
        assert!(!folder.path().join("countersign.db").exists());
    }
    let made = migrate(&[]);
    assert!(made.contains("m0001_create_users, ") && made.contains("m0013_create_origin"), "{made}");
    assert!(migrate(&[]).contains("nothing to do"));
    assert!(migrate(&["--plan"]).contains("nothing to do"));
    Binary::start_in(folder, &[]).stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_starts_on_a_database_that_a_plan_was_applied_to_by_hand() {
    let folder = TempDir::new().unwrap();
    let plan = said_yes(&run(countersign(folder.path()).args(["migrate", "--plan"]), ""));
    let database = Database::of(folder.path());
    if on_postgres() {
        let name = database.url().rsplit('/').next().unwrap();
        Postgres::shared().unwrap().psql(name, &plan);
    } else {
        fs::write(folder.path().join("countersign.db"), "").unwrap();
        database.execute(&plan).await;
    }
    let server = Binary::start_in(folder, &[]);
    let client = server.client().await;
    client.create_user("alice", PASSWORD).await.unwrap();
    let token = client.sign_in("alice", PASSWORD).await;
    client.greet(Credentials::Bearer(&token)).await.unwrap();
    let applied = database.query_number("SELECT COUNT(*) FROM schema_migrations").await;
    assert_eq!(usize::try_from(applied).unwrap(), plan.matches("-- m00").count());
    said_yes(&server.run(&["check"], ""));
    server.stop();
}

#[test]
fn a_database_that_is_not_there_is_neither_checked_nor_made() {
    if on_postgres() {
        return; // There a missing database is the server's to name.
    }
    let folder = TempDir::new().unwrap();
    for arguments in [&["check"][..], &["fence", "--yes"]] {
        let said = said_no(1, &run(countersign(folder.path()).args(arguments), ""));
        assert!(said.contains("there is no database"), "{said}");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}
