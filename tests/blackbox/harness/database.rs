//! A server's database, behind the server's back: what no call can bring about is brought about here.
//!
//! The list of tests runs twice: on SQLite, and as `blackbox_on_postgres` on PostgreSQL.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, OnceLock};

use countersign_test_servers::Postgres;
use sea_orm::{ConnectOptions, ConnectionTrait, DatabaseConnection, DbBackend, Statement};
use tempfile::TempDir;

use super::{countersign, run, said_no};

/// A database, by its URL.
pub struct Database(String);

/// Another connection's hold on it: nobody else can write until it is released.
pub struct DatabaseLock(DatabaseConnection);

/// Whether servers keep their data in PostgreSQL. Where it is not installed that has been said, and SQLite stands in.
pub fn on_postgres() -> bool {
    env!("CARGO_CRATE_NAME") == "blackbox_on_postgres" && Postgres::shared().is_some()
}

impl Database {
    /// The one that belongs to a server's folder: a file in it, or one of PostgreSQL's that is made when it is asked for.
    pub fn of(folder: &Path) -> Self {
        static MADE: OnceLock<Mutex<HashMap<PathBuf, String>>> = OnceLock::new();
        if !on_postgres() {
            return Self(format!("sqlite://{}", folder.join("countersign.db").display()));
        }
        let mut made = MADE.get_or_init(Mutex::default).lock().unwrap();
        let make = || Postgres::shared().unwrap().create_database();
        Self(made.entry(folder.to_owned()).or_insert_with(make).clone())
    }

    /// Its URL.
    pub fn url(&self) -> &str {
        &self.0
    }

    /// Runs a statement. How many rows it touched. Bytes are `x'00ff'`, which PostgreSQL spells in its own way.
    pub async fn execute(&self, sql: &str) -> u64 {
        let database = self.connect().await;
        let sql = spelled(sql, database.get_database_backend());
        let touched = database.execute_unprepared(&sql).await.unwrap().rows_affected();
        database.close().await.unwrap();
        touched
    }

    /// The number that a query answers.
    pub async fn query_number(&self, sql: &str) -> i64 {
        let database = self.connect().await;
        let backend = database.get_database_backend();
        // A sum is a number of any size to PostgreSQL.
        let sql = match backend {
            DbBackend::Postgres => format!("SELECT CAST(({sql}) AS BIGINT)"),
            _ => sql.to_owned(),
        };
        let statement = Statement::from_string(backend, spelled(&sql, backend));
        let row = database.query_one_raw(statement).await.unwrap().unwrap();
        let number = row.try_get_by_index(0).unwrap();
        database.close().await.unwrap();
        number
    }

    /// Keeps everybody else from writing.
    pub async fn lock(&self) -> DatabaseLock {
        let database = self.connect().await;
        let begin = match database.get_database_backend() {
            DbBackend::Postgres => {
                "BEGIN; LOCK TABLE users, sessions, revocations, trust_counter, security_events, key_ring IN EXCLUSIVE MODE"
            }
            _ => "BEGIN IMMEDIATE",
        };
        database.execute_unprepared(begin).await.unwrap();
        DatabaseLock(database)
    }

    /// One connection, so that a transaction is on the connection that began it.
    async fn connect(&self) -> DatabaseConnection {
        let mut options = ConnectOptions::new(self.0.clone());
        options.max_connections(1).sqlx_logging(false);
        sea_orm::Database::connect(options).await.unwrap()
    }
}

impl DatabaseLock {
    pub async fn release(self) {
        self.0.execute_unprepared("ROLLBACK").await.unwrap();
        self.0.close().await.unwrap();
    }
}

fn spelled(sql: &str, backend: DbBackend) -> String {
    match backend {
        DbBackend::Postgres => sql.replace("x'", r"'\x").replace("X'", r"'\x"),
        _ => sql.to_owned(),
    }
}

/// Tells a command of the binary in `folder` where its database is, where that is not the default.
pub fn point_to_database(command: &mut Command, folder: &Path) {
    if on_postgres() {
        command.env("COUNTERSIGN_DATABASE_URL", Database::of(folder).url());
        command.env("COUNTERSIGN_DATABASE_CONNECTIONS", "6");
        command.env("COUNTERSIGN_MASTER_KEY_FILE", shared_master_key());
    }
}

/// Where the master key is of a server in `folder`.
pub fn master_key_file(folder: &Path) -> PathBuf {
    if on_postgres() { shared_master_key().to_owned() } else { folder.join("countersign.key") }
}

/// The master key of all servers on a database server, which must be given.
pub fn shared_master_key() -> &'static Path {
    static KEY: OnceLock<tempfile::TempPath> = OnceLock::new();
    KEY.get_or_init(|| {
        let new =
            Command::new(env!("CARGO_BIN_EXE_countersign")).args(["master-key", "new"]).output().unwrap();
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), new.stdout).unwrap();
        file.into_temp_path()
    })
}

/// What a start on this database complains about before it ends.
pub fn refused_database(code: i32, url: &str, more: &[&str]) -> String {
    let folder = TempDir::new().unwrap();
    let key = shared_master_key().to_str().unwrap();
    let arguments = ["--listen", "127.0.0.1:0", "--database-url", url, "--master-key-file", key];
    said_no(code, &run(countersign(folder.path()).args(arguments).args(more), ""))
}
