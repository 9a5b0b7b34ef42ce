//! Whether the database file that is open is still the one that its name leads to. Who moves or replaces the file of a
//! running service leaves it writing into a file that nobody will open again: that must not be acknowledged.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use sea_orm::{DbErr, RuntimeErr, SqlxError};

/// What a file system knows a file by.
type Known = (u64, u64);

/// The files of a database: the name as it was given, what it leads to, the log beside that, without which the file alone has
/// lost what was written last, and the log's index, without which two processes do not see each other's writes.
pub(super) struct FileIdentity {
    path: PathBuf,
    log: PathBuf,
    index: PathBuf,
    known: [Known; 4],
}

impl FileIdentity {
    /// The files, now that they are open. Only metadata is asked for: opening and closing a file would drop SQLite's locks.
    pub(super) fn of(path: &Path) -> Result<Self, DbErr> {
        let beside = |suffix| -> io::Result<PathBuf> {
            let mut name = fs::canonicalize(path)?.into_os_string();
            name.push(suffix);
            Ok(PathBuf::from(name))
        };
        let (log, index) = (beside("-wal").map_err(outage)?, beside("-shm").map_err(outage)?);
        let known = ask(path, &log, &index).map_err(outage)?;
        Ok(Self { path: path.to_owned(), log, index, known })
    }

    /// An outage if a name leads somewhere else, or nowhere. It costs four system calls.
    pub(super) fn check(&self) -> Result<(), DbErr> {
        match ask(&self.path, &self.log, &self.index) {
            Ok(now) if now == self.known => Ok(()),
            Ok(_) => {
                Err(outage(io::Error::other("the database file or its log was replaced by another one")))
            }
            Err(error) => Err(outage(error)),
        }
    }
}

fn ask(path: &Path, log: &Path, index: &Path) -> io::Result<[Known; 4]> {
    let known = |metadata: Metadata| (metadata.dev(), metadata.ino());
    Ok([
        known(fs::symlink_metadata(path)?),
        known(fs::metadata(path)?),
        known(fs::metadata(log)?),
        known(fs::metadata(index)?),
    ])
}

fn outage(error: io::Error) -> DbErr {
    DbErr::Conn(RuntimeErr::SqlxError(SqlxError::Io(error).into()))
}
