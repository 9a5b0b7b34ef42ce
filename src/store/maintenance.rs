//! One connection for a command of an operator. Nobody's call waits for it, so that it takes its time, and the database is
//! taken as it is: nothing is made, nothing brought up to date, and a copy that nobody may serve yet can be worked on.

use sea_orm::{
    AccessMode, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, IsolationLevel,
    TransactionTrait,
};

use super::database_url::Place;
use super::transaction::Transaction;
use super::{OpenError, StoreConfig, StoreError, database_server, schema, sqlite};
use crate::domain::Timestamp;

/// In the place of the bounds that calls have.
const POSTGRES_PATIENCE: &str = "SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = '10s'; \
    SET LOCAL idle_in_transaction_session_timeout = 0";
const MYSQL_PATIENCE: &str = "SET SESSION innodb_lock_wait_timeout = 10";
/// MySQL does not know it.
const MARIADB_PATIENCE: &str = "SET SESSION idle_transaction_timeout = 0";

/// A database under an operator's hands.
pub struct Maintenance(DatabaseConnection);

impl Maintenance {
    /// Opens a database that is there, to read it. A service that runs on it is not in the way.
    pub async fn open_to_read(config: &StoreConfig) -> Result<Self, OpenError> {
        match config.url.place() {
            Place::Sqlite(path) => {
                sqlite::require_file(path)?;
                sqlite::open_reading(path, 1).await.map(Self)
            }
            Place::Postgres(_) | Place::MySql(_) => Self::connect(config).await,
        }
    }

    /// Opens a database that is there, to change it while nobody else has it open. Who has a database of a server open
    /// cannot be told.
    pub async fn open_alone(config: &StoreConfig) -> Result<Self, OpenError> {
        match config.url.place() {
            Place::Sqlite(path) => {
                sqlite::require_file(path)?;
                sqlite::open_alone(path).await.map(Self)
            }
            Place::Postgres(_) | Place::MySql(_) => Self::connect(config).await,
        }
    }

    /// Opens a database to bring its schema up to date; a file is made if it is not there.
    pub async fn open_to_migrate(config: &StoreConfig) -> Result<Self, OpenError> {
        match config.url.place() {
            Place::Sqlite(path) => sqlite::open_writer(path).await.map(Self),
            Place::Postgres(_) | Place::MySql(_) => Self::connect(config).await,
        }
    }

    async fn connect(config: &StoreConfig) -> Result<Self, OpenError> {
        let db = database_server::reach(&config.url).await?;
        database_server::examine(&db).await?;
        Ok(Self(db))
    }

    /// Brings the schema up to date. The names of the changes that were made.
    pub async fn migrate(&self, now: Timestamp) -> Result<Vec<String>, OpenError> {
        schema::migrate(&self.0, &countersign_migration::migrations(), now).await
    }

    /// Closes the connection.
    pub async fn close(self) -> Result<(), StoreError> {
        Ok(self.0.close().await?)
    }

    pub(super) fn db(&self) -> &DatabaseConnection {
        &self.0
    }

    /// Begins a transaction that writes.
    pub(super) async fn begin_writing(&self, now: Timestamp) -> Result<Transaction, DbErr> {
        let transaction = match self.0.get_database_backend() {
            DbBackend::Sqlite => sqlite::begin_opening(&self.0).await?,
            _ => database_server::begin(&self.0).await?,
        };
        take_time(&transaction).await?;
        Ok(Transaction::begun(transaction, now))
    }

    /// Begins a transaction to which the whole database is as it is at one moment, and which changes nothing.
    pub(super) async fn begin_reading(&self) -> Result<DatabaseTransaction, DbErr> {
        let transaction = match self.0.get_database_backend() {
            DbBackend::Sqlite => self.0.begin().await?,
            _ => {
                let (isolation, access) = (IsolationLevel::RepeatableRead, AccessMode::ReadOnly);
                self.0.begin_with_config(Some(isolation), Some(access)).await?
            }
        };
        take_time(&transaction).await?;
        Ok(transaction)
    }
}

async fn take_time(transaction: &DatabaseTransaction) -> Result<(), DbErr> {
    match transaction.get_database_backend() {
        DbBackend::Postgres => {
            transaction.execute_unprepared(POSTGRES_PATIENCE).await?;
        }
        DbBackend::MySql => {
            transaction.execute_unprepared(MYSQL_PATIENCE).await?;
            let _unknown_to_mysql = transaction.execute_unprepared(MARIADB_PATIENCE).await;
        }
        _ => {}
    }
    Ok(())
}
