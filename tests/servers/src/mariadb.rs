//! MariaDB.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use tempfile::TempDir;

use crate::guardian::Guardian;
use crate::overdue::watch_this_test;
use crate::program::{find, free_port, hand_over, keep, run};

/// The user that Debian makes for it.
const USER: &str = "mysql";

/// A MariaDB server.
pub struct MariaDb {
    client: PathBuf,
    folder: PathBuf,
    port: u16,
    databases: AtomicU32,
    _guardian: Guardian,
}

impl MariaDb {
    /// The one that all tests of this process share, each with databases of its own. It is not durable: nobody kills it.
    pub fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Option<MariaDb>> = OnceLock::new();
        watch_this_test();
        SHARED.get_or_init(|| Self::start_with(|_| Vec::new())).as_ref()
    }

    /// One that takes no connection over TCP but with TLS. Both are PEM.
    pub fn start_with_tls(certificate: &str, key: &str) -> Option<Self> {
        watch_this_test();
        Self::start_with(|folder| {
            let put = |name: &str, content| {
                let path = folder.join(name);
                keep(&path, content, USER);
                path.display().to_string()
            };
            vec![
                format!("--ssl-cert={}", put("cert.pem", certificate)),
                format!("--ssl-key={}", put("key.pem", key)),
                "--require-secure-transport=on".to_owned(),
            ]
        })
    }

    /// With what more it is told, when its folder is there.
    fn start_with(more: impl FnOnce(&Path) -> Vec<String>) -> Option<Self> {
        let (server, install, client, admin) =
            (find("mariadbd")?, find("mariadb-install-db")?, find("mariadb")?, find("mariadb-admin")?);
        let folder = TempDir::with_prefix("countersign-mariadb-").expect("a folder can be made").keep();
        hand_over(&folder, USER);
        let as_root = rustix::process::geteuid().is_root();
        let user = as_root.then(|| format!("--user={USER}"));
        let data = folder.join("data");
        run(Command::new(install)
            .args(["--no-defaults", "--skip-test-db", "--auth-root-authentication-method=normal"])
            .arg(format!("--datadir={}", data.display()))
            .args(&user));
        let port = free_port();
        let mut words: Vec<OsString> = vec![folder.clone().into(), server.into()];
        words.extend(
            [
                "--no-defaults".to_owned(),
                format!("--datadir={}", data.display()),
                format!("--socket={}", folder.join("socket").display()),
                format!("--pid-file={}", folder.join("pid").display()),
                format!("--log-error={}", folder.join("log").display()),
                format!("--port={port}"),
                "--bind-address=127.0.0.1".to_owned(),
                "--max-connections=400".to_owned(),
                "--innodb-buffer-pool-size=64M".to_owned(),
                "--innodb-flush-log-at-trx-commit=0".to_owned(),
            ]
            .into_iter()
            .chain(more(&folder))
            .chain(user)
            .map(OsString::from),
        );
        // Started by its guardian: it has no program that leaves it running in the background and waits until it answers.
        let guardian = Guardian::set_around("kill -9 $child; rm -rf \"$folder\"", words);
        let server = Self { client, folder, port, databases: AtomicU32::new(0), _guardian: guardian };
        run(Command::new(admin).args(server.at_root()).args(["--wait=60", "--connect-timeout=60", "ping"]));
        server.execute("CREATE USER countersign@'127.0.0.1' IDENTIFIED BY 'hunter2'");
        server.execute("GRANT ALL ON *.* TO countersign@'127.0.0.1'");
        Some(server)
    }

    /// Makes a new, empty database. Its URL.
    pub fn create_database(&self) -> String {
        let name = format!("test{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.execute(&format!("CREATE DATABASE {name}"));
        format!("mysql://countersign:hunter2@127.0.0.1:{}/{name}", self.port)
    }

    fn execute(&self, sql: &str) {
        run(Command::new(&self.client).args(self.at_root()).args(["-e", sql]));
    }

    fn at_root(&self) -> [String; 3] {
        let socket = format!("--socket={}", self.folder.join("socket").display());
        ["--no-defaults".to_owned(), "--user=root".to_owned(), socket]
    }
}
