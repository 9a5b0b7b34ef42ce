//! Whether the database file that is open is still the one that its name leads to. Who moves or replaces the file of a
//! running service leaves it writing into a file that nobody will open again: that must not be acknowledged.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use sea_orm::{DbErr, RuntimeErr, SqlxError};

/// What a file system knows a file by.
type Known = (u64, u64);

/// The files of a database: the name as it was given, what it leads to, and the log beside that, without which the file
/// alone has lost what was written last.
pub(super) struct FileIdentity {
    path: PathBuf,
    log: PathBuf,
    known: [Known; 3],
}

impl FileIdentity {
    /// The files, now that they are open. Only metadata is asked for: opening and closing a file would drop SQLite's locks.
    pub(super) fn of(path: &Path) -> Result<Self, DbErr> {
        let mut log = fs::canonicalize(path).map_err(outage)?.into_os_string();
        log.push("-wal");
        let (path, log) = (path.to_owned(), PathBuf::from(log));
        let known = ask(&path, &log).map_err(outage)?;
        Ok(Self { path, log, known })
    }

    /// An outage if a name leads somewhere else, or nowhere. It costs three system calls.
    pub(super) fn check(&self) -> Result<(), DbErr> {
        match ask(&self.path, &self.log) {
            Ok(now) if now == self.known => Ok(()),
            Ok(_) => {
                Err(outage(io::Error::other("the database file or its log was replaced by another one")))
            }
            Err(error) => Err(outage(error)),
        }
    }
}

fn ask(path: &Path, log: &Path) -> io::Result<[Known; 3]> {
    let known = |metadata: Metadata| (metadata.dev(), metadata.ino());
    Ok([known(fs::symlink_metadata(path)?), known(fs::metadata(path)?), known(fs::metadata(log)?)])
}

fn outage(error: io::Error) -> DbErr {
    DbErr::Conn(RuntimeErr::SqlxError(SqlxError::Io(error).into()))
}
