//! A database server that answers, and says no: to whoever logs in, to whoever writes, to whoever has no rights.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use countersign_test_servers::{Postgres, free_port};
use tempfile::TempDir;
use tokio::time::timeout;
use tonic::Code;

use crate::harness::{
    Binary, Credentials, PASSWORD, Refused, on_postgres, refused_database, shared_master_key,
};

/// How long the service may take to recover before a test gives up on it.
const PATIENCE: Duration = Duration::from_secs(30);

/// A database of a user of its own, on the server that the tests share.
struct Scene {
    postgres: &'static Postgres,
    url: String,
    database: String,
}

impl Scene {
    fn set(user: &str) -> Option<Self> {
        if !on_postgres() {
            return None;
        }
        let postgres = Postgres::shared()?;
        let url = postgres.create_database();
        let database = url.rsplit_once('/').unwrap().1.to_owned();
        postgres.psql("postgres", &format!("CREATE ROLE {user} LOGIN"));
        postgres.psql(&database, &format!("ALTER DATABASE {database} OWNER TO {user}"));
        Some(Self { postgres, url: url.replace("countersign@", &format!("{user}@")), database })
    }

    fn start(&self) -> Binary {
        Binary::start(&[
            "--database-url",
            &self.url,
            "--master-key-file",
            shared_master_key().to_str().unwrap(),
        ])
    }

    fn hang_up(&self) {
        let name = &self.database;
        let end =
            format!("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = '{name}'");
        self.postgres.psql("postgres", &end);
    }
}

/// A start at this URL is refused in such words.
fn complains(url: &str, words: &str) {
    let said = refused_database(1, url, &[]);
    assert!(said.contains(words), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_says_what_the_server_said() {
    let Some(scene) = Scene::set("stranger") else { return };
    let nowhere = format!("postgres://countersign@127.0.0.1:{}/x", free_port());
    complains(&nowhere, "Connection refused");
    let other = scene.postgres.create_database().replace("countersign@", "stranger@");
    complains(&other, "permission denied for schema public");
    complains(&scene.url.replace("stranger@", "nobody@"), r#"role "nobody" does not exist"#);
    scene.postgres.psql("postgres", "ALTER ROLE stranger SET default_transaction_read_only = on");
    complains(&scene.url, "read-only transaction");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_lets_the_service_in_no_more_is_unavailable_until_it_does() {
    let Some(scene) = Scene::set("locked_out") else { return };
    let server = scene.start();
    let client = server.client().await;
    client.create_user("alice", PASSWORD).await.unwrap();
    let token = client.sign_in("alice", PASSWORD).await;
    scene.postgres.psql("postgres", "ALTER ROLE locked_out NOLOGIN");
    scene.hang_up();
    for _ in 0..6 {
        let refusal = client.greet(Credentials::Basic("alice", PASSWORD)).await.unwrap_err();
        assert_eq!(refusal, Refused::new(Code::Unavailable, "STORE_UNAVAILABLE"));
    }
    client.greet(Credentials::Bearer(&token)).await.unwrap();
    scene.postgres.psql("postgres", "ALTER ROLE locked_out LOGIN");
    let recovering = async { while client.greet(Credentials::Basic("alice", PASSWORD)).await.is_err() {} };
    timeout(PATIENCE, recovering).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_could_only_be_read_for_a_while_is_written_to_again() {
    let Some(scene) = Scene::set("reader") else { return };
    let server = scene.start();
    let client = server.client().await;
    client.create_user("alice", PASSWORD).await.unwrap();
    let name = &scene.database;
    scene.postgres.psql("postgres", &format!("ALTER DATABASE {name} SET default_transaction_read_only = on"));
    scene.hang_up();
    let writing = async |username: &str| client.create_user(username, PASSWORD).await;
    // Who only reads is served, by new sessions, and by then those that write are new, too.
    let sessions = format!("SELECT count(*) FROM pg_stat_activity WHERE datname = '{name}'");
    let renewed = async {
        while client.greet(Credentials::Basic("alice", PASSWORD)).await.is_err()
            || scene.postgres.psql("postgres", &sessions).parse::<u32>().unwrap() < 4
        {}
    };
    timeout(PATIENCE, renewed).await.unwrap();
    for _ in 0..3 {
        assert_eq!(writing("bob").await.unwrap_err(), Refused::new(Code::Unavailable, "STORE_UNAVAILABLE"));
    }
    scene.postgres.psql("postgres", &format!("ALTER DATABASE {name} RESET default_transaction_read_only"));
    let recovering = async { while writing("bob").await.is_err() {} };
    timeout(PATIENCE, recovering).await.expect("its sessions are new ones");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_comes_from_a_file_that_nobody_else_can_read() {
    let Some(scene) = Scene::set("guarded") else { return };
    scene.postgres.psql("postgres", "ALTER ROLE guarded PASSWORD 'p@ss w:rd/%41'");
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("db.password");
    let arguments = ["--database-password-file", file.to_str().unwrap()];
    let keep = |content: &str, mode| {
        fs::write(&file, content).unwrap();
        fs::set_permissions(&file, Permissions::from_mode(mode)).unwrap();
    };
    for (content, mode, code, words) in [
        ("p@ss w:rd/%41\n", 0o644, 2, "can be read by others (mode 644)"),
        ("p@ss w:rd/%41\nand more\n", 0o600, 2, "has more than one line"),
        ("\n", 0o600, 2, "is empty"),
        ("another one\n", 0o600, 1, r#"password authentication failed for user "guarded""#),
    ] {
        keep(content, mode);
        let said = refused_database(code, &scene.url, &arguments);
        assert!(said.contains(words), "{said}");
        assert!(!said.contains(content.lines().next().unwrap()) || content == "\n", "{said}");
    }
    keep("p@ss w:rd/%41\n", 0o600);
    let key = shared_master_key().to_str().unwrap();
    let settings = ["--database-url", &scene.url, "--master-key-file", key];
    let server = Binary::start(&[&settings[..], &arguments].concat());
    server.client().await.create_user("alice", PASSWORD).await.unwrap();
}
