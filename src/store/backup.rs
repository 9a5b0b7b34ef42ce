//! Backups of a database in a file: SQLite makes the copy, beside a service that writes, and the copy says of itself that it
//! is one. Under its name it is there as a whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, DbErr, Statement, TransactionTrait};

use super::database_url::Place;
use super::origin::{Identity, SINCE};
use super::transaction::Transaction;
use super::{DatabaseUrl, OpenError, StoreError, schema, sqlite};
use crate::domain::Timestamp;

/// Why there is no backup, or why it was not put in its place. Each sentence says what to do.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// Not a file.
    #[error(
        "the database {url} is in a server, whose own tools copy it: `{out}` and `{back}`. After a restore, with every \
         service on it stopped, run `countersign fence`"
    )]
    Server {
        /// The database.
        url: String,
        /// What makes a copy.
        out: &'static str,
        /// What reads it.
        back: &'static str,
    },
    /// Something has that name.
    #[error("{} is there already, and no backup is written over anything", .0.display())]
    Exists(PathBuf),
    /// There is a database where one is to be put.
    #[error(
        "there is a database {} already: with --replace it is kept beside, under another name",
        .0.display()
    )]
    Occupied(PathBuf),
    /// Another program's, or nobody's.
    #[error("{} is no database of Countersign: nothing was replaced", .0.display())]
    NotOurs(PathBuf),
    /// The path is no text.
    #[error("the path {} is not UTF-8, which SQLite needs", .0.display())]
    NotUtf8(PathBuf),
    /// An older schema.
    #[error(
        "the database has schema {0}, and a backup can be marked from schema {SINCE} on: make it with the version that runs \
         on the database, or run `countersign migrate` first"
    )]
    Earlier(i64),
    /// Pages that contradict each other.
    #[error("{} is damaged: SQLite's integrity check fails", .0.display())]
    Damaged(PathBuf),
    /// The file system says no.
    #[error("{} cannot be {action}: {source}", .path.display())]
    Io {
        /// The path.
        path: PathBuf,
        /// What was tried.
        action: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// The database.
    #[error(transparent)]
    Open(#[from] OpenError),
}

impl From<StoreError> for BackupError {
    fn from(error: StoreError) -> Self {
        Self::Open(error.into())
    }
}

impl From<DbErr> for BackupError {
    fn from(error: DbErr) -> Self {
        Self::Open(error.into())
    }
}

/// Writes a backup of the database to the new file `to`, whether or not a service runs on it. `draft_number` makes the name
/// of the file that becomes it.
pub async fn back_up(
    url: &DatabaseUrl,
    to: &Path,
    draft_number: u64,
    now: Timestamp,
) -> Result<(), BackupError> {
    let from = file_of(url)?;
    sqlite::require_file(from)?;
    if fs::symlink_metadata(to).is_ok() {
        return Err(BackupError::Exists(to.to_owned()));
    }
    let draft = Draft::create(to, draft_number)?;
    let source = sqlite::open_beside(from).await?;
    let copied = copy_known(&source, draft.path()).await;
    source.close().await?;
    copied?;
    draft.mark(now).await?;
    draft.become_new(to)
}

/// The file of a database that is one.
pub(super) fn file_of(url: &DatabaseUrl) -> Result<&Path, BackupError> {
    let server = |out, back| BackupError::Server { url: url.to_string(), out, back };
    match url.place() {
        Place::Sqlite(path) => Ok(path),
        Place::Postgres(_) => Err(server("pg_dump --format=custom", "pg_restore")),
        Place::MySql(_) => Err(server("mariadb-dump --single-transaction", "mariadb")),
    }
}

/// Copies a database whose schema has a place for the mark. One of an older schema stays as it is for the program of before.
async fn copy_known(source: &DatabaseConnection, to: &Path) -> Result<(), BackupError> {
    let applied = schema::lookup_applied(source).await?;
    schema::judge(&applied, &countersign_migration::migrations())?;
    let found = applied.iter().map(|change| change.number).max().unwrap_or(0);
    if found < SINCE {
        return Err(BackupError::Earlier(found));
    }
    copy(source, to).await
}

/// Copies what the database is at this moment, with what is only in its log.
pub(super) async fn copy(source: &DatabaseConnection, to: &Path) -> Result<(), BackupError> {
    // A name that starts with `file:` would be read as a URI.
    let path = Path::new(".").join(to);
    let path = path.to_str().ok_or_else(|| BackupError::NotUtf8(to.to_owned()))?;
    let vacuum = Statement::from_sql_and_values(DbBackend::Sqlite, "VACUUM INTO ?", [path.into()]);
    source.execute_raw(vacuum).await?;
    Ok(())
}

/// A copy in the making: gone with the value, unless it has become what it was to become.
pub(super) struct Draft(PathBuf);

impl Draft {
    /// Makes the file beside the one that it is to become, readable by its owner alone: SQLite copies into an empty file.
    pub(super) fn create(beside: &Path, number: u64) -> Result<Self, BackupError> {
        let mut name = beside.as_os_str().to_owned();
        name.push(format!(".{number:016x}.tmp"));
        let path = PathBuf::from(name);
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
            Ok(_) => Ok(Self(path)),
            Err(source) => Err(BackupError::Io { path: beside.to_owned(), action: "made", source }),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// Brings the copy's schema up to date, looks whether it is whole, and has it say that it must be fenced.
    pub(super) async fn mark(&self, now: Timestamp) -> Result<(), BackupError> {
        let db = sqlite::open_alone(&self.0).await?;
        let marked = mark(&db, now).await;
        db.close().await?;
        if marked? { Ok(()) } else { Err(BackupError::Damaged(self.0.clone())) }
    }

    /// Gives the file its name, which must be free. Afterwards it survives a power cut.
    pub(super) fn become_new(self, path: &Path) -> Result<(), BackupError> {
        self.sync()?;
        match fs::hard_link(&self.0, path) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                return Err(BackupError::Exists(path.to_owned()));
            }
            Err(source) => return Err(BackupError::Io { path: path.to_owned(), action: "made", source }),
        }
        fs::remove_file(&self.0).map_err(failed(&self.0, "removed"))?;
        sync_folder(path)
    }

    /// Puts the file in the place of another one, at one moment.
    pub(super) fn replace(self, path: &Path) -> Result<(), BackupError> {
        self.sync()?;
        fs::rename(&self.0, path).map_err(failed(path, "replaced"))?;
        sync_folder(path)
    }

    fn sync(&self) -> Result<(), BackupError> {
        File::open(&self.0).and_then(|file| file.sync_all()).map_err(failed(&self.0, "synced"))
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        let _there_no_more = fs::remove_file(&self.0);
    }
}

/// Whether the copy is whole; then it is marked.
async fn mark(db: &DatabaseConnection, now: Timestamp) -> Result<bool, BackupError> {
    let question = Statement::from_string(DbBackend::Sqlite, "PRAGMA integrity_check(1)");
    let answer =
        db.query_one_raw(question).await?.map(|row| row.try_get_by_index::<String>(0)).transpose()?;
    if answer.as_deref() != Some("ok") {
        return Ok(false);
    }
    schema::migrate(db, &countersign_migration::migrations(), now).await?;
    write_mark(db, now).await?;
    Ok(true)
}

/// Writes the mark alone.
pub(super) async fn write_mark(db: &DatabaseConnection, now: Timestamp) -> Result<(), StoreError> {
    let transaction = Transaction::begun(db.begin().await?, now);
    transaction.write_origin(true, Identity::default()).await?;
    transaction.finish().await?;
    Ok(())
}

pub(super) fn failed(path: &Path, action: &'static str) -> impl FnOnce(io::Error) -> BackupError {
    let path = path.to_owned();
    move |source| BackupError::Io { path, action, source }
}

/// A name is on the disk when its folder is.
pub(super) fn sync_folder(path: &Path) -> Result<(), BackupError> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed(folder, "synced"))
}
