//! What differs between databases: how they are opened, how many may write at once, and what becomes of a connection of
//! which nobody knows in which transaction it is. The statements are the same everywhere.

use std::time::Duration;

use countersign_migration::Migration;
use sea_orm::sqlx::PgPool;
use sea_orm::{DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, Statement};

use super::database_server::DatabaseServer;
use super::database_url::Place;
use super::sqlite::SqliteFile;
use super::{OpenError, StoreConfig};
use crate::domain::Timestamp;

/// The database behind a store.
pub(super) enum Engine {
    /// A file of this machine.
    Sqlite(Box<SqliteFile>),
    /// A server that several replicas share.
    Server(DatabaseServer),
}

/// What became of an attempt to open new connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Renewal {
    /// There are new ones.
    Done,
    /// There are none, or were not waited for: those of before answer.
    Needless,
}

impl Engine {
    /// Opens the database, makes it if it is a file that is not there, and brings its schema up to date.
    pub(super) async fn open(
        config: &StoreConfig,
        known: &[Box<dyn Migration>],
        now: Timestamp,
    ) -> Result<Self, OpenError> {
        Ok(match config.url.place() {
            Place::Sqlite(path) => Self::Sqlite(Box::new(SqliteFile::open(path, known, now).await?)),
            Place::Postgres(_) | Place::MySql(_) => {
                Self::Server(DatabaseServer::open(config, known, now).await?)
            }
        })
    }

    /// How many transactions may run at once.
    pub(super) fn writers_at_once(&self) -> u32 {
        match self {
            Self::Sqlite(_) => 1,
            Self::Server(server) => server.writers_at_once(),
        }
    }

    /// How long a statement or a transaction may take. SQLite bounds its waiting itself, and computes in this process.
    pub(super) fn patience(&self) -> Option<Duration> {
        match self {
            Self::Sqlite(_) => None,
            Self::Server(_) => Some(DatabaseServer::PATIENCE),
        }
    }

    /// Where to write.
    pub(super) async fn writer(&self) -> Result<DatabaseConnection, DbErr> {
        match self {
            Self::Sqlite(file) => file.writer().await,
            Self::Server(server) => Ok(server.writers()),
        }
    }

    /// Where to read.
    pub(super) fn readers(&self) -> DatabaseConnection {
        match self {
            Self::Sqlite(file) => file.readers(),
            Self::Server(server) => server.readers(),
        }
    }

    /// Whether whoever wants to read has to wait for others.
    pub(super) fn readers_are_taken(&self) -> bool {
        match self {
            Self::Sqlite(_) => false,
            Self::Server(server) => server.readers_are_taken(),
        }
    }

    /// Where to read the trust log, and nothing else: a flood of reads must not keep revocations away.
    pub(super) fn follower(&self) -> DatabaseConnection {
        match self {
            Self::Sqlite(file) => file.follower(),
            Self::Server(server) => server.follower(),
        }
    }

    /// Where a server says that something has changed, if it does.
    pub(super) fn announcements(&self) -> Option<PgPool> {
        match self {
            Self::Sqlite(_) => None,
            Self::Server(server) => server.announcements(),
        }
    }

    /// The question for a server's time, in milliseconds.
    pub(super) fn ask_for_time(&self) -> Option<Statement> {
        let backend = self.follower().get_database_backend();
        let sql = match backend {
            DbBackend::Postgres => "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)",
            DbBackend::MySql => "SELECT CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS SIGNED)",
            _ => return None,
        };
        Some(Statement::from_string(backend, sql))
    }

    /// Begins a transaction that writes.
    pub(super) async fn begin(&self, db: &DatabaseConnection) -> Result<DatabaseTransaction, DbErr> {
        match self {
            Self::Sqlite(_) => super::sqlite::begin_immediate(db).await,
            Self::Server(_) => super::database_server::begin(db).await,
        }
    }

    /// Gives a connection up on which a transaction could not be ended. Pools of servers find out by themselves: they ask
    /// a connection that comes back whether it is there, and wait a second for that.
    pub(super) async fn give_up_writer(&self) {
        if let Self::Sqlite(file) = self {
            file.give_up_writer().await;
        }
    }

    /// An outage if what is open is not the database of that name any more.
    pub(super) fn check(&self) -> Result<(), DbErr> {
        match self {
            Self::Sqlite(file) => file.check(),
            Self::Server(_) => Ok(()),
        }
    }

    /// Opens new connections in the place of those that there are, if new ones can be had; an outage if there are none that
    /// answer.
    pub(super) async fn renew(&self) -> Result<Renewal, DbErr> {
        match self {
            Self::Sqlite(_) => Ok(Renewal::Needless),
            Self::Server(server) => server.renew().await,
        }
    }

    /// Opens new connections in the place of those that there are, whatever these answer.
    pub(super) async fn renew_all_the_same(&self) -> Result<Renewal, DbErr> {
        match self {
            Self::Sqlite(_) => Ok(Renewal::Needless),
            Self::Server(server) => server.renew_all_the_same().await,
        }
    }

    /// Closes all connections.
    pub(super) async fn close(&self) -> Result<(), DbErr> {
        match self {
            Self::Sqlite(file) => file.close().await,
            Self::Server(server) => server.close().await,
        }
    }
}
