//! What can go wrong in the store, sorted by what the caller can do about it. Messages are constant sentences, without
//! SQL and values; the driver's own words are the source, for the log.

use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;

use sea_orm::{DbErr, RuntimeErr, SqlxError};

use super::{mysql_code, postgres_code, sqlite_code};

/// The driver's error, for the log alone. Shared, because one question may be for many.
type Cause = Arc<dyn Error + Send + Sync>;

/// A call of the store failed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// The database is out of reach, busy beyond the time-out or cannot write: the same call may succeed later.
    #[error("the database does not answer")]
    Unreachable(#[source] Cause),
    /// Another transaction was in the way, and nothing has happened: it was tried again for as long as a call may take.
    #[error("the database does not come to it")]
    Contended(#[source] Cause),
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

/// Something was not done on somebody's behalf. Nothing of it has happened then, but for the portions before where something is done
/// in portions.
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
    /// The file is not there, and must be.
    #[error("there is no database {}", .0.display())]
    Missing(PathBuf),
    /// Somebody else has the file open.
    #[error("the database {} is in use: stop the service, and whatever else has it open, first", .0.display())]
    InUse(PathBuf),
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
    /// An older schema than a command can work with that changes nothing.
    #[error(
        "the database has schema {found}, and this version knows {knows}: run `countersign migrate` first"
    )]
    Older {
        /// The newest change that the database has.
        found: i64,
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
    /// A database server is out of reach, or lets this user in nowhere.
    #[error("the database {0} cannot be used: {1}")]
    NoAnswer(String, Box<dyn Error + Send + Sync>),
    /// A server that would shorten what does not fit.
    #[error(
        "the database does not run in strict mode (sql_mode lacks STRICT_TRANS_TABLES): it would store what was shortened, \
         and say nothing"
    )]
    NotStrict,
    /// A server that cannot keep every name.
    #[error("the database is not in UTF-8: create it with ENCODING 'UTF8'")]
    NotUnicode,
    /// A server that acknowledges what it can still lose.
    #[error(
        "the database runs with synchronous_commit = off: what it acknowledges can be lost, revocations too. Set it to on \
         for this database or its user"
    )]
    NotDurable,
    /// A backup that was put in the place of a database, and not fenced.
    #[error(
        "the database was restored from a backup: what was revoked since it was made would be good again. Run \
         `countersign fence`, which ends everything of before, and start then"
    )]
    Backup,
    /// What a dump was read into.
    #[error(
        "the database is a copy: it is not in the server, or not the database, where it came to be, and what was revoked \
         since it was copied would be good again. Stop every server on it, run `countersign fence`, which ends everything \
         of before, and start then"
    )]
    Elsewhere,
    /// The database failed. Whoever opens it is told what it said.
    #[error("{}", with_cause(.0))]
    Store(#[source] StoreError),
}

impl From<StoreError> for OpenError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// A sentence, and what stands behind it: for the operator, who has to change something, and never for a caller.
fn with_cause(error: &StoreError) -> String {
    let mut deepest: &dyn Error = error;
    while let Some(deeper) = deepest.source() {
        deepest = deeper;
    }
    match error {
        StoreError::Damaged { .. } => error.to_string(),
        _ => format!("{error}: {deepest}"),
    }
}

impl StoreError {
    /// A row that others keep changing: the same call may succeed later.
    pub(crate) fn contended() -> Self {
        let cause: Box<dyn Error + Send + Sync> = "others kept changing the same row".into();
        Self::Contended(cause.into())
    }

    /// The log of revocations is not the one that is known, and must be read anew. The same call may succeed then.
    pub(super) fn another_log() -> Self {
        let cause: Box<dyn Error + Send + Sync> = "the log of revocations is another one by now".into();
        Self::Unreachable(cause.into())
    }

    /// For what is wrong in this program rather than in the database.
    pub(super) fn unexpected(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Unexpected(cause.into().into())
    }
}

/// What a transaction can fail with.
pub(super) trait Failure: From<DbErr> + From<StoreError> + Send + 'static {
    /// Whether another transaction was in the way, nothing has happened, and the same may succeed at once.
    fn is_contention(&self) -> bool;
}

impl Failure for StoreError {
    fn is_contention(&self) -> bool {
        matches!(self, Self::Contended(_))
    }
}

impl Failure for ActError {
    fn is_contention(&self) -> bool {
        matches!(self, Self::Store(error) if error.is_contention())
    }
}

impl From<DbErr> for StoreError {
    fn from(error: DbErr) -> Self {
        match meaning_of(&error) {
            Meaning::Contention => Self::Contended(Arc::new(error)),
            Meaning::Outage => Self::Unreachable(Arc::new(error)),
            Meaning::Defect => Self::Unexpected(Arc::new(error)),
        }
    }
}

/// What an error means for whoever called.
pub(super) fn meaning_of(error: &DbErr) -> Meaning {
    match error {
        DbErr::ConnectionAcquire(_) => Meaning::Outage,
        _ => sqlx_error(error).map_or(Meaning::Defect, meaning),
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

/// What an error of a driver means for whoever called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// Another transaction was in the way: this one has done nothing.
    Contention,
    /// The same may succeed later.
    Outage,
    /// Something is wrong in this program or in the database.
    Defect,
}

fn meaning(error: &SqlxError) -> Meaning {
    match error {
        // What is no answer of a database comes from something on the way whose database is gone.
        SqlxError::Io(_)
        | SqlxError::Protocol(_)
        | SqlxError::Tls(_)
        | SqlxError::PoolTimedOut
        | SqlxError::PoolClosed
        | SqlxError::WorkerCrashed => Meaning::Outage,
        SqlxError::Database(error) => [sqlite_code::meaning, postgres_code::meaning, mysql_code::meaning]
            .into_iter()
            .find_map(|of_database| of_database(error.as_ref()))
            .unwrap_or(Meaning::Defect),
        _ => Meaning::Defect,
    }
}
