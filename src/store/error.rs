//! What can go wrong in the store, sorted by what the caller can do about it. Messages are constant sentences, without
//! SQL and values; the driver's own words are the source, for the log.

use std::error::Error;
use std::path::PathBuf;

use sea_orm::{DbErr, RuntimeErr, SqlxError};

use super::sqlite_code;

/// The driver's error, for the log alone.
type Cause = Box<dyn Error + Send + Sync>;

/// A call of the store failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database is out of reach, busy beyond the time-out or cannot write: the same call may succeed later.
    #[error("the database does not answer")]
    Unreachable(#[source] Cause),
    /// A row does not hold what this program or an older one wrote: someone must look at it.
    #[error("a stored row cannot be read: table {table}, column {column}, row {row}")]
    Damaged {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// The row's id, or `?` where that is what is damaged.
        row: String,
    },
    /// The rest: a defect of this program or of the database.
    #[error("the database failed unexpectedly")]
    Unexpected(#[source] Cause),
}

/// Something was not done on somebody's behalf. Nothing of it has happened then.
#[derive(Debug, thiserror::Error)]
pub enum ActError {
    /// Whoever asked for it was disabled, or had its tokens or its session ended, in the meantime.
    #[error("the user who asked for it may not do so any more")]
    NotAllowedAnyMore,
    /// What it was decided on has changed meanwhile.
    #[error("what was read before has changed")]
    Stale,
    /// The name belongs to another user, or belonged to one not long ago.
    #[error("the name is taken")]
    NameTaken,
    /// There is no such user.
    #[error("there is no such user")]
    UserNotFound,
    /// There is no such session, or it is over, or somebody else's.
    #[error("there is no such session")]
    SessionNotFound,
    /// Without this user there would be no admin.
    #[error("the last admin must stay")]
    LastAdmin,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The store could not be opened: what the operator has to change.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The path is a folder.
    #[error("the database {} is a folder; a file is needed", .0.display())]
    Folder(PathBuf),
    /// The folder in which the file should be is not there.
    #[error("the database {} cannot be made: its folder does not exist", .0.display())]
    NoFolder(PathBuf),
    /// The file or its folder cannot be written; the folder must be writable too, for the log beside the file.
    #[error("the database {} or its folder cannot be written by this user, or a file beside it (-wal, -shm) cannot", .0.display())]
    NotWritable(PathBuf),
    /// The file is something else.
    #[error("the file {} is not a SQLite database", .0.display())]
    NotADatabase(PathBuf),
    /// A later release has changed the schema in a way that this one would misread.
    #[error(
        "the database was written by a newer Countersign (schema {found}, needs at least {needs}); this one knows {knows}"
    )]
    Newer {
        /// The newest change that the database has.
        found: i64,
        /// The newest change that a program must know to use it.
        needs: i64,
        /// The newest change that this program knows.
        knows: i64,
    },
    /// A change has the number, but not the name, of one that this program knows.
    #[error("the database has another program's schema: its change {number} is not Countersign's")]
    Foreign {
        /// The change's number.
        number: i64,
    },
    /// Tables with the names of ours, and no note that a program of ours made them.
    #[error("the database belongs to another program: it has a table users that Countersign did not make")]
    ForeignTables,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl StoreError {
    /// A row that others keep changing: the same call may succeed later.
    pub(crate) fn contended() -> Self {
        Self::Unreachable("others kept changing the same row".into())
    }

    /// For what is wrong in this program rather than in the database.
    pub(super) fn unexpected(cause: impl Into<Cause>) -> Self {
        Self::Unexpected(cause.into())
    }
}

impl From<DbErr> for StoreError {
    fn from(error: DbErr) -> Self {
        let outage = match &error {
            DbErr::ConnectionAcquire(_) => true,
            _ => sqlx_error(&error).is_some_and(is_outage),
        };
        if outage { Self::Unreachable(error.into()) } else { Self::Unexpected(error.into()) }
    }
}

impl From<DbErr> for OpenError {
    fn from(error: DbErr) -> Self {
        Self::Store(error.into())
    }
}

impl From<DbErr> for ActError {
    fn from(error: DbErr) -> Self {
        Self::Store(error.into())
    }
}

/// The driver's error inside.
pub(super) fn sqlx_error(error: &DbErr) -> Option<&SqlxError> {
    match error {
        DbErr::Conn(RuntimeErr::SqlxError(inner))
        | DbErr::Exec(RuntimeErr::SqlxError(inner))
        | DbErr::Query(RuntimeErr::SqlxError(inner)) => Some(inner),
        _ => None,
    }
}

fn is_outage(error: &SqlxError) -> bool {
    match error {
        SqlxError::Io(_)
        | SqlxError::Tls(_)
        | SqlxError::PoolTimedOut
        | SqlxError::PoolClosed
        | SqlxError::WorkerCrashed => true,
        SqlxError::Database(error) => sqlite_code::is_outage(error.as_ref()),
        _ => false,
    }
}
