//! What an operator does to a database by hand: bringing its schema up to date.

use std::fs;

use countersign_test_servers::Postgres;
use tempfile::TempDir;

use crate::harness::{Binary, Credentials, Database, PASSWORD, countersign, on_postgres, run, said_yes};

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
    server.stop();
}
