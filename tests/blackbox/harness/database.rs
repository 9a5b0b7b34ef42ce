//! A server's database, behind the server's back: what no call can bring about is brought about here.

use std::path::PathBuf;

use sea_orm::{ConnectOptions, ConnectionTrait, DatabaseConnection, DbBackend, Statement};

/// A database file.
pub struct Database(PathBuf);

/// Another connection's hold on it: nobody else can write until it is released.
pub struct DatabaseLock(DatabaseConnection);

impl Database {
    pub fn of(file: PathBuf) -> Self {
        Self(file)
    }

    /// Runs a statement. How many rows it touched.
    pub async fn execute(&self, sql: &str) -> u64 {
        let database = self.connect().await;
        let touched = database.execute_unprepared(sql).await.unwrap().rows_affected();
        database.close().await.unwrap();
        touched
    }

    /// The number that a query answers.
    pub async fn query_number(&self, sql: &str) -> i64 {
        let database = self.connect().await;
        let row =
            database.query_one_raw(Statement::from_string(DbBackend::Sqlite, sql)).await.unwrap().unwrap();
        let number = row.try_get_by_index(0).unwrap();
        database.close().await.unwrap();
        number
    }

    /// Keeps everybody else from writing.
    pub async fn lock(&self) -> DatabaseLock {
        let database = self.connect().await;
        database.execute_unprepared("BEGIN IMMEDIATE").await.unwrap();
        DatabaseLock(database)
    }

    /// One connection, so that a transaction is on the connection that began it.
    async fn connect(&self) -> DatabaseConnection {
        let mut options = ConnectOptions::new(format!("sqlite://{}", self.0.display()));
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
