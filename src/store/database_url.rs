//! Where a database is, as an operator writes it. Reads no environment but what the drivers of database servers read
//! (`PGPASSFILE`, `PGUSER` and the like), and opens nothing.

use std::fmt;
use std::fs::File;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use sea_orm::sqlx::mysql::{MySqlConnectOptions, MySqlSslMode};
use sea_orm::sqlx::postgres::{PgConnectOptions, PgSslMode};

/// Where a database is. `Display` and `Debug` are fit for logs: they never show a password.
#[derive(Clone)]
pub struct DatabaseUrl {
    place: Place,
    /// What its parameters name, as they are written.
    files: Vec<PathBuf>,
}

#[derive(Clone)]
pub(super) enum Place {
    Sqlite(PathBuf),
    Postgres(Box<PgConnectOptions>),
    MySql(Box<MySqlConnectOptions>),
}

/// Why a text is not the URL of a database. No message repeats the text: it may hold a password.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
pub enum DatabaseUrlError {
    /// A scheme that is not known, or none.
    #[error(
        "must start with 'sqlite:', 'postgres:' or 'mysql:', like sqlite://countersign.db or \
         postgres://user@host/countersign"
    )]
    Scheme,
    /// No file.
    #[error("must name a file, like sqlite://countersign.db")]
    NoFile,
    /// A database in memory.
    #[error("must name a file: each connection to ':memory:' would have a database of its own")]
    InMemory,
    /// Something after a question mark.
    #[error("takes no parameters after '?' for SQLite: the service sets its own")]
    Parameters,
    /// A path that would break a log's line or end a C string early.
    #[error("must not contain control characters")]
    ControlCharacter,
    /// Not what a URL of a database server looks like.
    #[error("must look like postgres://user:password@host:5432/database (special characters as %XX)")]
    Malformed,
    /// A server without a database.
    #[error("must name the database after the host, like postgres://user@host/countersign")]
    NoDatabase,
    /// A parameter that is none of a server's.
    #[error(
        "takes these parameters after '?' alone: sslmode, sslrootcert, sslcert, sslkey and host for PostgreSQL; \
         ssl-mode, ssl-ca, ssl-cert, ssl-key and socket for MySQL"
    )]
    Parameter,
    /// A kind of encryption that nobody knows.
    #[error(
        "must have sslmode=verify-full, verify-ca, require or disable for PostgreSQL; ssl-mode=VERIFY_IDENTITY, VERIFY_CA, REQUIRED \
         or DISABLED for MySQL"
    )]
    Mode,
    /// Encryption that anybody on the way can switch off.
    #[error(
        "must say how a database beyond this machine, or whose authority is named, is reached: sslmode=verify-full (the default), verify-ca, require \
         or disable; 'prefer' and 'allow' are plaintext for whoever asks for it"
    )]
    Opportunistic,
}

/// What a URL of PostgreSQL may say after its question mark.
const POSTGRES_PARAMETERS: [&str; 5] = ["sslmode", "sslrootcert", "sslcert", "sslkey", "host"];
/// The same for MySQL and MariaDB.
const MYSQL_PARAMETERS: [&str; 5] = ["ssl-mode", "ssl-ca", "ssl-cert", "ssl-key", "socket"];

/// Those of both that name files.
const FILE_PARAMETERS: [&str; 6] = ["sslrootcert", "sslcert", "sslkey", "ssl-ca", "ssl-cert", "ssl-key"];

impl DatabaseUrl {
    /// Reads `sqlite://path` or `sqlite:path`, `postgres://…`, or `mysql://…` (also `mariadb://…`). A path of SQLite is
    /// taken as it stands, without percent-decoding; a relative one starts at the working directory.
    pub fn parse(text: &str) -> Result<Self, DatabaseUrlError> {
        let (scheme, rest) = text.split_once(':').ok_or(DatabaseUrlError::Scheme)?;
        if text.chars().any(char::is_control) {
            return Err(DatabaseUrlError::ControlCharacter);
        }
        match scheme {
            "sqlite" => sqlite(rest),
            "postgres" | "postgresql" => postgres(text),
            "mysql" | "mariadb" => mysql(rest),
            _ => Err(DatabaseUrlError::Scheme),
        }
    }

    /// The same place, with this password for its user. SQLite has none.
    #[must_use]
    pub fn with_password(self, password: &str) -> Self {
        let place = match self.place {
            Place::Sqlite(path) => Place::Sqlite(path),
            Place::Postgres(options) => Place::Postgres(Box::new(options.password(password))),
            Place::MySql(options) => Place::MySql(Box::new(options.password(password))),
        };
        Self { place, ..self }
    }

    /// The database's file, for what lies beside it. A database server has none.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        match &self.place {
            Place::Sqlite(path) => Some(path),
            Place::Postgres(_) | Place::MySql(_) => None,
        }
    }

    /// Whether what is said to the database can be read on the way, to another machine.
    #[must_use]
    pub fn is_plaintext(&self) -> bool {
        match &self.place {
            Place::Sqlite(_) => false,
            Place::Postgres(options) => {
                !is_local(options.get_host(), options.get_socket())
                    && matches!(options.get_ssl_mode(), PgSslMode::Disable)
            }
            Place::MySql(options) => {
                !is_local(options.get_host(), options.get_socket())
                    && matches!(options.get_ssl_mode(), MySqlSslMode::Disabled)
            }
        }
    }

    /// The first of the files of its parameters that cannot be read, and why. The driver would say that there is no file, and
    /// not which.
    #[must_use]
    pub fn unreadable_file(&self) -> Option<(&Path, io::Error)> {
        let error = |file: &PathBuf| File::open(file).err();
        self.files.iter().find_map(|file| error(file).map(|error| (file.as_path(), error)))
    }

    pub(super) fn place(&self) -> &Place {
        &self.place
    }
}

fn sqlite(rest: &str) -> Result<DatabaseUrl, DatabaseUrlError> {
    let path = rest.strip_prefix("//").unwrap_or(rest);
    if path.contains('?') {
        return Err(DatabaseUrlError::Parameters);
    }
    if path == ":memory:" {
        return Err(DatabaseUrlError::InMemory);
    }
    if path.is_empty() || path.ends_with('/') {
        return Err(DatabaseUrlError::NoFile);
    }
    Ok(DatabaseUrl { place: Place::Sqlite(PathBuf::from(path)), files: Vec::new() })
}

fn postgres(text: &str) -> Result<DatabaseUrl, DatabaseUrlError> {
    let said = parameters(text, &POSTGRES_PARAMETERS)?;
    let mut options: PgConnectOptions = read(text, "sslmode")?;
    if options.get_database().is_none_or(str::is_empty) {
        return Err(DatabaseUrlError::NoDatabase);
    }
    // Whoever names whom to believe wants to know whom it is, also on this machine, where a tunnel may end.
    let names_authority = said.contains(&"sslrootcert");
    if names_authority || !is_local(options.get_host(), options.get_socket()) {
        match options.get_ssl_mode() {
            _ if !said.contains(&"sslmode") => options = options.ssl_mode(PgSslMode::VerifyFull),
            PgSslMode::Allow | PgSslMode::Prefer => return Err(DatabaseUrlError::Opportunistic),
            _ => {}
        }
    }
    Ok(DatabaseUrl { place: Place::Postgres(Box::new(options)), files: files(text) })
}

fn mysql(rest: &str) -> Result<DatabaseUrl, DatabaseUrlError> {
    let text = format!("mysql:{rest}");
    let said = parameters(&text, &MYSQL_PARAMETERS)?;
    let mut options: MySqlConnectOptions = read(&text, "ssl-mode")?;
    if options.get_database().is_none_or(str::is_empty) {
        return Err(DatabaseUrlError::NoDatabase);
    }
    let names_authority = said.contains(&"ssl-ca");
    if names_authority || !is_local(options.get_host(), options.get_socket()) {
        match options.get_ssl_mode() {
            _ if !said.contains(&"ssl-mode") => options = options.ssl_mode(MySqlSslMode::VerifyIdentity),
            MySqlSslMode::Preferred => return Err(DatabaseUrlError::Opportunistic),
            _ => {}
        }
    }
    Ok(DatabaseUrl { place: Place::MySql(Box::new(options)), files: files(&text) })
}

/// What a driver reads out of it. It does not say what it cannot read: the value of `mode`, if it reads the rest.
fn read<O: FromStr>(text: &str, mode: &str) -> Result<O, DatabaseUrlError> {
    let without_mode = |(base, query): (&str, &str)| {
        let others: Vec<_> = query.split('&').filter(|pair| pair.split('=').next() != Some(mode)).collect();
        format!("{base}?{}", others.join("&")).parse::<O>().is_ok()
    };
    text.parse().map_err(|_| match text.split_once('?') {
        Some(parts) if without_mode(parts) => DatabaseUrlError::Mode,
        _ => DatabaseUrlError::Malformed,
    })
}

/// The files that the parameters name. A certificate may also be written out, and what is encoded is left to the driver.
fn files(text: &str) -> Vec<PathBuf> {
    let query = text.split_once('?').map_or("", |(_, query)| query);
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let named = pairs.filter(|(name, _)| FILE_PARAMETERS.contains(name)).map(|(_, value)| value);
    named
        .filter(|value| !value.contains('%') && !value.starts_with("-----BEGIN"))
        .map(PathBuf::from)
        .collect()
}

/// The names of the parameters, all of which must be `known`: a driver passes over those that it does not know, and a
/// misspelt `sslmode` would be none.
fn parameters<'a>(text: &'a str, known: &[&str]) -> Result<Vec<&'a str>, DatabaseUrlError> {
    let Some((_, query)) = text.split_once('?') else { return Ok(Vec::new()) };
    let names: Vec<_> = query.split('&').map(|pair| pair.split('=').next().unwrap_or(pair)).collect();
    if names.iter().all(|name| known.contains(name)) { Ok(names) } else { Err(DatabaseUrlError::Parameter) }
}

/// Whether nobody between here and the database could read along: a socket of this machine or its loopback.
fn is_local(host: &str, socket: Option<&PathBuf>) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    socket.is_some()
        || host.starts_with('/')
        || host == "localhost"
        || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Sqlite(path) => write!(f, "sqlite://{}", path.display()),
            Place::Postgres(options) => {
                let name = options.get_database().unwrap_or_default();
                write_server(f, "postgres", (options.get_host(), options.get_port()), name)
            }
            Place::MySql(options) => {
                let name = options.get_database().unwrap_or_default();
                write_server(f, "mysql", (options.get_host(), options.get_port()), name)
            }
        }
    }
}

fn write_server(
    f: &mut fmt::Formatter<'_>,
    scheme: &str,
    (host, port): (&str, u16),
    database: &str,
) -> fmt::Result {
    write!(f, "{scheme}://{host}:{port}/{database}")
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
    fn a_server_is_shown_without_its_user_and_password() {
        for (text, shown) in [
            ("postgres://me:hunter2@db.example/countersign", "postgres://db.example:5432/countersign"),
            ("postgresql://me:hunter2@[::1]:5433/c", "postgres://[::1]:5433/c"),
            ("mysql://me:hunter2@127.0.0.1/c?ssl-mode=disabled", "mysql://127.0.0.1:3306/c"),
            ("mariadb://me:hunter2@db.example:3307/c", "mysql://db.example:3307/c"),
        ] {
            let url = DatabaseUrl::parse(text).unwrap();
            assert_eq!(url.to_string(), shown, "{text}");
            assert_eq!(format!("{url:?}"), format!("DatabaseUrl({shown})"));
            assert_eq!(url.file(), None);
        }
    }

    #[test]
    fn a_server_beyond_this_machine_is_verified_unless_the_url_says_otherwise() {
        let postgres = |text: &str| match DatabaseUrl::parse(text).unwrap().place {
            Place::Postgres(options) => options.get_ssl_mode(),
            _ => unreachable!("{text}"),
        };
        assert!(matches!(postgres("postgres://db.example/c"), PgSslMode::VerifyFull));
        assert!(matches!(postgres("postgres://db.example/c?sslmode=verify-ca"), PgSslMode::VerifyCa));
        assert!(matches!(postgres("postgres://db.example/c?sslmode=disable"), PgSslMode::Disable));
        assert!(matches!(postgres("postgres://127.0.0.1/c"), PgSslMode::Prefer));
        assert!(matches!(postgres("postgres://127.0.0.1/c?sslrootcert=ca.pem"), PgSslMode::VerifyFull));
        let mysql = |text: &str| match DatabaseUrl::parse(text).unwrap().place {
            Place::MySql(options) => options.get_ssl_mode(),
            _ => unreachable!("{text}"),
        };
        assert!(matches!(mysql("mysql://db.example/c"), MySqlSslMode::VerifyIdentity));
        assert!(matches!(mysql("mysql://db.example/c?ssl-mode=required"), MySqlSslMode::Required));
        assert!(matches!(mysql("mysql://localhost/c"), MySqlSslMode::Preferred));
        assert!(matches!(mysql("mysql://localhost/c?ssl-ca=ca.pem"), MySqlSslMode::VerifyIdentity));
        assert!(DatabaseUrl::parse("postgres://db.example/c?sslmode=disable").unwrap().is_plaintext());
        assert!(!DatabaseUrl::parse("postgres://127.0.0.1/c?sslmode=disable").unwrap().is_plaintext());
        assert!(!DatabaseUrl::parse("postgres://db.example/c").unwrap().is_plaintext());
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        for (text, file) in [
            ("postgres://h/c?sslrootcert=/nowhere/a&sslcert=/nowhere/b", Some("/nowhere/a")),
            ("postgres://h/c?sslmode=require&sslkey=/nowhere/b", Some("/nowhere/b")),
            ("mysql://h/c?ssl-ca=/nowhere/c", Some("/nowhere/c")),
            ("postgres://h/c?host=/nowhere", None),
            ("postgres://h/c?sslrootcert=Cargo.toml", None),
            ("postgres://h/c?sslrootcert=/no%20where", None),
            ("sqlite://nowhere", None),
        ] {
            let url = DatabaseUrl::parse(text).unwrap();
            assert_eq!(url.unreadable_file().map(|(file, _)| file.to_str().unwrap()), file, "{text}");
        }
    }

    #[test]
    fn each_refusal_has_its_reason_and_repeats_no_password() {
        for (text, reason) in [
            ("countersign.db", DatabaseUrlError::Scheme),
            ("hunter2:x", DatabaseUrlError::Scheme),
            ("oracle://me:hunter2@host/db", DatabaseUrlError::Scheme),
            ("postgres://me:hunter2@host", DatabaseUrlError::NoDatabase),
            ("mysql://me:hunter2@host/", DatabaseUrlError::NoDatabase),
            ("postgres://me:hunter2@host:port/db", DatabaseUrlError::Malformed),
            ("postgres://me:hunter2@host/db?sslmod=verify-full", DatabaseUrlError::Parameter),
            ("postgres://me@host/db?password=hunter2", DatabaseUrlError::Parameter),
            ("postgres://me:hunter2@host/db?sslmode=sometimes", DatabaseUrlError::Mode),
            ("postgres://me:hunter2@host/db?host=/run&sslmode=sometimes", DatabaseUrlError::Mode),
            ("mysql://me:hunter2@host/db?ssl-mode=sometimes", DatabaseUrlError::Mode),
            ("postgres://me:hunter2@host:port/db?sslmode=sometimes", DatabaseUrlError::Malformed),
            ("postgres://me:hunter2@host/db?sslmode=prefer", DatabaseUrlError::Opportunistic),
            ("mysql://me:hunter2@host/db?ssl-mode=preferred", DatabaseUrlError::Opportunistic),
            ("mysql://me:hunter2@host/db?charset=latin1", DatabaseUrlError::Parameter),
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
