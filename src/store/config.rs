//! What the store is told: which database. Reads no environment and opens nothing.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::Faults;

/// How long a call waits for a connection: below the time that callers give a whole call.
pub(super) const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(1);

/// The store's settings.
#[derive(Clone, Debug)]
pub struct StoreConfig {
    /// Where the database is.
    pub url: DatabaseUrl,
    /// What tests make go wrong; nothing in a release.
    pub faults: Faults,
}

/// Where a database is. `Display` and `Debug` are fit for logs: they never show a password.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl(Place);

#[derive(Clone, PartialEq, Eq)]
enum Place {
    Sqlite(PathBuf),
}

/// Why a text is not the URL of a database. No message repeats the text: it may hold a password.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
pub enum DatabaseUrlError {
    /// A scheme that is not known, or none.
    #[error("must start with 'sqlite:', like sqlite://countersign.db")]
    Scheme,
    /// A database server, which this version cannot use.
    #[error(
        "names a database server; this version keeps its data in SQLite alone, like sqlite://countersign.db"
    )]
    Server,
    /// No file.
    #[error("must name a file, like sqlite://countersign.db")]
    NoFile,
    /// A database in memory.
    #[error("must name a file: each connection to ':memory:' would have a database of its own")]
    InMemory,
    /// Something after a question mark.
    #[error("takes no parameters after '?': the service sets its own")]
    Parameters,
    /// A path that would break a log's line or end a C string early.
    #[error("must not contain control characters")]
    ControlCharacter,
}

impl DatabaseUrl {
    /// Reads `sqlite://path` or `sqlite:path`. The path is taken as it stands, without percent-decoding; a relative
    /// one starts at the working directory.
    pub fn parse(text: &str) -> Result<Self, DatabaseUrlError> {
        let (scheme, rest) = text.split_once(':').ok_or(DatabaseUrlError::Scheme)?;
        match scheme {
            "sqlite" => {}
            "postgres" | "postgresql" | "mysql" | "mariadb" => return Err(DatabaseUrlError::Server),
            _ => return Err(DatabaseUrlError::Scheme),
        }
        let path = rest.strip_prefix("//").unwrap_or(rest);
        if path.contains('?') {
            return Err(DatabaseUrlError::Parameters);
        }
        if path.chars().any(char::is_control) {
            return Err(DatabaseUrlError::ControlCharacter);
        }
        if path == ":memory:" {
            return Err(DatabaseUrlError::InMemory);
        }
        if path.is_empty() || path.ends_with('/') {
            return Err(DatabaseUrlError::NoFile);
        }
        Ok(Self(Place::Sqlite(PathBuf::from(path))))
    }

    /// The database's file, for what lies beside it. A database server has none.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        match &self.0 {
            Place::Sqlite(path) => Some(path),
        }
    }

    /// The same as [`Self::file`] while SQLite is the only database: here the compiler will ask for the others.
    pub(super) fn sqlite_file(&self) -> &Path {
        match &self.0 {
            Place::Sqlite(path) => path,
        }
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Place::Sqlite(path) => write!(f, "sqlite://{}", path.display()),
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DatabaseUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_read_with_and_without_slashes() {
        for (text, path) in [
            ("sqlite://countersign.db", "countersign.db"),
            ("sqlite:countersign.db", "countersign.db"),
            ("sqlite:///var/lib/countersign.db", "/var/lib/countersign.db"),
            ("sqlite:/var/lib/100%25 ü.db", "/var/lib/100%25 ü.db"),
        ] {
            let url = DatabaseUrl::parse(text).unwrap();
            assert_eq!(url.file(), Some(Path::new(path)), "{text}");
        }
    }

    #[test]
    fn each_refusal_has_its_reason_and_repeats_no_password() {
        for (text, reason) in [
            ("countersign.db", DatabaseUrlError::Scheme),
            ("hunter2:x", DatabaseUrlError::Scheme),
            ("postgres://me:hunter2@host/db", DatabaseUrlError::Server),
            ("mysql://me:hunter2@host/db", DatabaseUrlError::Server),
            ("sqlite:", DatabaseUrlError::NoFile),
            ("sqlite:///var/lib/", DatabaseUrlError::NoFile),
            ("sqlite::memory:", DatabaseUrlError::InMemory),
            ("sqlite://:memory:", DatabaseUrlError::InMemory),
            ("sqlite://a.db?mode=memory", DatabaseUrlError::Parameters),
            ("sqlite://a\n.db", DatabaseUrlError::ControlCharacter),
        ] {
            let error = DatabaseUrl::parse(text).unwrap_err();
            assert_eq!(error, reason, "{text:?}");
            assert!(!format!("{error} {error:?}").contains("hunter2"));
        }
    }
}
