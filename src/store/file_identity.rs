//! Whether the database file that is open is still the one that its name leads to. Who moves or replaces the file of a
//! running service leaves it writing into a file that nobody will open again: that must not be acknowledged.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use sea_orm::{DbErr, RuntimeErr, SqlxError};

/// A file, by what a file system knows it by.
pub(super) struct FileIdentity {
    path: PathBuf,
    known_by: (u64, u64),
}

impl FileIdentity {
    /// The file of this name, now. Only its metadata is asked: opening and closing it would drop SQLite's locks on it.
    pub(super) fn of(path: &Path) -> Result<Self, DbErr> {
        Ok(Self { path: path.to_owned(), known_by: ask(path).map_err(outage)? })
    }

    /// An outage if the name leads somewhere else, or nowhere. It costs one system call.
    pub(super) fn check(&self) -> Result<(), DbErr> {
        match ask(&self.path) {
            Ok(now) if now == self.known_by => Ok(()),
            Ok(_) => Err(outage(io::Error::other("the database file was replaced by another one"))),
            Err(error) => Err(outage(error)),
        }
    }
}

fn ask(path: &Path) -> io::Result<(u64, u64)> {
    fs::metadata(path).map(|metadata| (metadata.dev(), metadata.ino()))
}

fn outage(error: io::Error) -> DbErr {
    DbErr::Conn(RuntimeErr::SqlxError(SqlxError::Io(error).into()))
}
