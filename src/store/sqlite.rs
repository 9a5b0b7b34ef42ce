//! What only SQLite knows: opening the file, its pragmas, its lock. Its error codes are in `sqlite_code`.
//!
//! One connection writes and several read, each on a thread of its own. In WAL mode they do not wait for one another,
//! and a single writer never finds the database locked by another connection of the same process. The writer's
//! statements take SQLite's write lock as they begin (a single one by itself, a transaction by BEGIN IMMEDIATE), so
//! that none of them fails half-way with SQLITE_BUSY; a lock that another process holds is waited for.

use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::PoisonError;
use std::thread;
use std::time::Duration;

use countersign_migration::Migration;
use sea_orm::sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteLockingMode, SqliteSynchronous};
use sea_orm::{
    ConnAcquireErr, ConnectOptions, Database, DatabaseConnection, DatabaseTransaction, DbErr, RuntimeErr,
    SqliteTransactionMode, SqlxError, TransactionOptions, TransactionTrait,
};
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::config::ACQUIRE_TIMEOUT;
use super::error::sqlx_error;
use super::file_identity::FileIdentity;
use super::sqlite_code::{BUSY, CANTOPEN, NOTADB, PERM, READONLY, primary_code};
use super::{OpenError, StoreError, schema};
use crate::domain::Timestamp;

/// How long a statement waits for another process's lock. With the wait for the writer before it, a call ends within
/// two seconds.
const BUSY_TIMEOUT: Duration = Duration::from_millis(900);
/// How long opening waits for other processes that open the same file.
const OPEN_TIMEOUT: Duration = Duration::from_secs(10);
/// How often it looks.
const OPEN_RETRY: Duration = Duration::from_millis(20);

/// A database in a file.
pub(super) struct SqliteFile {
    path: PathBuf,
    /// The connection that writes; `None` after one was given up, until the next write opens another. Whoever has the turn
    /// has it.
    writer: Mutex<Option<DatabaseConnection>>,
    readers: DatabaseConnection,
    follower: DatabaseConnection,
    /// The file that was opened: whether it is still the one of that name.
    identity: FileIdentity,
}

impl SqliteFile {
    /// Opens the file, makes it if it is not there, and brings its schema up to date.
    pub(super) async fn open(
        path: &Path,
        known: &[Box<dyn Migration>],
        now: Timestamp,
    ) -> Result<Self, OpenError> {
        let writer = open_writer(path).await?;
        schema::migrate(&writer, known, now).await.map_err(|error| explain_opening(path, error))?;
        Ok(Self {
            path: path.to_owned(),
            writer: Mutex::new(Some(writer)),
            readers: open_reading(path, reader_count()).await?,
            follower: open_reading(path, 1).await?,
            identity: FileIdentity::of(path)?,
        })
    }

    /// The connection that writes, opened again if it was given up.
    pub(super) async fn writer(&self) -> Result<DatabaseConnection, DbErr> {
        let mut writer = self.writer.lock().await;
        if let Some(writer) = writer.as_ref() {
            return Ok(writer.clone());
        }
        let opened = Database::connect(writer_options(&self.path)).await?;
        Ok(writer.insert(opened).clone())
    }

    pub(super) fn readers(&self) -> DatabaseConnection {
        self.readers.clone()
    }

    pub(super) fn follower(&self) -> DatabaseConnection {
        self.follower.clone()
    }

    /// Gives the writing connection up. After a commit or a rollback that failed nobody can tell in which transaction it
    /// is: SQLite has ended its own when the disk was full, and the driver has not noticed. What were written on it then
    /// would be answered for and never committed. Only who has the turn calls this.
    pub(super) async fn give_up_writer(&self) {
        if let Some(writer) = self.writer.lock().await.take() {
            tracing::warn!("a transaction could not be ended: its connection is given up");
            let _closed_or_not = timeout(ACQUIRE_TIMEOUT, writer.close()).await;
        }
    }

    /// An outage if the file that is open is not the one of that name any more.
    pub(super) fn check(&self) -> Result<(), DbErr> {
        self.identity.check()
    }

    pub(super) async fn close(&self) -> Result<(), DbErr> {
        self.readers.clone().close().await?;
        self.follower.clone().close().await?;
        if let Some(writer) = self.writer.lock().await.take() {
            writer.close().await?;
        }
        Ok(())
    }
}

/// Opens the one connection that writes; makes the file if it is not there.
pub(super) async fn open_writer(path: &Path) -> Result<DatabaseConnection, OpenError> {
    create_file(path)?;
    let options = writer_options(path);
    // SQLite does not wait for the lock that the change to WAL needs.
    patiently(|| Database::connect(options.clone())).await.map_err(|error| explain(path, error))
}

/// Opens a file that is there and keeps everybody else out until it is closed. In WAL mode a connection holds a lock for as
/// long as it lives, also where it does nothing, and SQLite gives the mode up only to whoever is alone.
pub(super) async fn open_alone(path: &Path) -> Result<DatabaseConnection, OpenError> {
    let options = connect_options(path, 1, |options| {
        options
            .locking_mode(SqliteLockingMode::Exclusive)
            .journal_mode(SqliteJournalMode::Delete)
            .synchronous(SqliteSynchronous::Full)
    });
    Database::connect(options).await.map_err(|error| match code(&error) {
        Some(BUSY) => OpenError::InUse(path.to_owned()),
        _ => explain(path, error),
    })
}

/// Opens a file that is there, whoever else has it open.
pub(super) async fn open_beside(path: &Path) -> Result<DatabaseConnection, OpenError> {
    Database::connect(connect_options(path, 1, |options| options)).await.map_err(|error| explain(path, error))
}

/// Fails where no file is.
pub(super) fn require_file(path: &Path) -> Result<(), OpenError> {
    if path.is_dir() {
        return Err(OpenError::Folder(path.to_owned()));
    }
    if path.exists() { Ok(()) } else { Err(OpenError::Missing(path.to_owned())) }
}

fn writer_options(path: &Path) -> ConnectOptions {
    connect_options(path, 1, |options| {
        // FULL: a commit is on the disk before it is acknowledged, also when the power fails.
        options.journal_mode(SqliteJournalMode::Wal).synchronous(SqliteSynchronous::Full)
    })
}

pub(super) fn reader_count() -> u32 {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    u32::try_from(cores * 2).unwrap_or(u32::MAX).clamp(4, 16)
}

/// Opens connections that only read.
pub(super) async fn open_reading(path: &Path, count: u32) -> Result<DatabaseConnection, OpenError> {
    let options = connect_options(path, count, |options| options.pragma("query_only", "ON"));
    Database::connect(options).await.map_err(|error| explain(path, error))
}

/// Begins a transaction that holds the write lock from its beginning to its end.
pub(super) async fn begin_immediate(db: &DatabaseConnection) -> Result<DatabaseTransaction, DbErr> {
    let options = TransactionOptions {
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        ..TransactionOptions::default()
    };
    db.begin_with_options(options).await
}

/// The same while the database is being opened, when another process may take longer than any call waits.
pub(super) async fn begin_opening(db: &DatabaseConnection) -> Result<DatabaseTransaction, DbErr> {
    patiently(|| begin_immediate(db)).await
}

/// The same for what the schema's changes met.
fn explain_opening(path: &Path, error: OpenError) -> OpenError {
    let OpenError::Store(StoreError::Unreachable(cause) | StoreError::Unexpected(cause)) = error else {
        return error;
    };
    match cause.downcast_ref::<DbErr>() {
        Some(error) => explain(path, error.clone()),
        None => StoreError::Unexpected(cause).into(),
    }
}

/// Says what is wrong with the file, where the code tells.
fn explain(path: &Path, error: DbErr) -> OpenError {
    match code(&error) {
        Some(NOTADB) => OpenError::NotADatabase(path.to_owned()),
        Some(PERM | READONLY | CANTOPEN) => OpenError::NotWritable(path.to_owned()),
        _ => error.into(),
    }
}

fn connect_options(
    path: &Path,
    connections: u32,
    adjust: impl Fn(SqliteConnectOptions) -> SqliteConnectOptions + Send + Sync + 'static,
) -> ConnectOptions {
    // A name that starts with `file:` would be read as a URI.
    let path: PathBuf = Path::new(".").join(path);
    // The URL only picks the driver: SeaORM's connect span shows it.
    let mut options = ConnectOptions::new("sqlite:");
    options
        .map_sqlx_sqlite_opts(move |options| {
            let options = options
                .filename(&path)
                .create_if_missing(false)
                .foreign_keys(true)
                .busy_timeout(BUSY_TIMEOUT)
                .thread_name(|id| format!("sqlite-{id}"));
            adjust(options)
        })
        .max_connections(connections)
        .min_connections(connections)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        // Nothing between here and a file drops connections: none is closed for its age, none is tried before use.
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        .sqlx_logging(false)
        .record_stmt_in_spans(false);
    options
}

/// Makes the file, readable by its owner alone. SQLite gives the files that it makes beside it (`-wal`, `-shm`) the
/// same mode.
fn create_file(path: &Path) -> Result<(), OpenError> {
    // Closing a file drops all the locks that this process holds on it (https://sqlite.org/howtocorrupt.html, 2.2). Who
    // has passed here finds the file made and closed: no other store of this process can hold a lock by then.
    static CREATION: std::sync::Mutex<()> = std::sync::Mutex::new(());
    let _alone = CREATION.lock().unwrap_or_else(PoisonError::into_inner);
    if path.is_dir() {
        return Err(OpenError::Folder(path.to_owned()));
    }
    let created = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    match created {
        Ok(_) => Ok(()),
        Err(error) => match error.kind() {
            ErrorKind::AlreadyExists => Ok(()),
            ErrorKind::NotFound | ErrorKind::NotADirectory => Err(OpenError::NoFolder(path.to_owned())),
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
                Err(OpenError::NotWritable(path.to_owned()))
            }
            _ => Err(DbErr::Conn(RuntimeErr::SqlxError(SqlxError::Io(error).into())).into()),
        },
    }
}

/// Runs a step of the opening until no other process is in its way.
async fn patiently<T, Fut>(step: impl Fn() -> Fut) -> Result<T, DbErr>
where
    Fut: Future<Output = Result<T, DbErr>>,
{
    let mut last = DbErr::ConnectionAcquire(ConnAcquireErr::Timeout);
    let attempts = async {
        loop {
            match step().await {
                Err(error) if code(&error) == Some(BUSY) => last = error,
                outcome => return outcome,
            }
            pause().await;
        }
    };
    match timeout(OPEN_TIMEOUT, attempts).await {
        Ok(outcome) => outcome,
        Err(_) => Err(last),
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "SQLite has no event for a lock that was freed, and this lock is outside its own waiting"
)]
async fn pause() {
    tokio::time::sleep(OPEN_RETRY).await;
}

fn code(error: &DbErr) -> Option<i32> {
    match sqlx_error(error)? {
        SqlxError::Database(error) => primary_code(error.as_ref()),
        _ => None,
    }
}
