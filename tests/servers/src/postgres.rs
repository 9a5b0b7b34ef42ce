//! PostgreSQL.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use tempfile::TempDir;

use crate::guardian::Guardian;
use crate::overdue::watch_this_test;
use crate::program::{find, free_port, hand_over, keep, run, unprivileged};

/// The user that Debian makes for it.
const USER: &str = "postgres";

/// How a server is stopped.
#[derive(Clone, Copy, Debug)]
pub enum Signal {
    /// Sessions are ended, everything is written, then it stops.
    Fast,
    /// It stops at once, as in a crash.
    Immediate,
}

/// A PostgreSQL server.
pub struct Postgres {
    programs: PathBuf,
    folder: PathBuf,
    port: u16,
    databases: AtomicU32,
    _guardian: Guardian,
}

impl Postgres {
    /// The one that all tests of this process share, each with databases of its own.
    pub fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Option<Postgres>> = OnceLock::new();
        watch_this_test();
        SHARED.get_or_init(|| Self::start_with(&[])).as_ref()
    }

    /// One of a test's own, durable, with these settings beside (`name=value`).
    pub fn start_with(settings: &[&str]) -> Option<Self> {
        Some(Self::start_in(Self::prepare()?, settings))
    }

    /// One that takes no connection over TCP but with TLS, and from the user `cert` only with a certificate of `clients` that is
    /// made out to it. All are PEM.
    pub fn start_with_tls(certificate: &str, key: &str, clients: &str) -> Option<Self> {
        let server = Self::prepare()?;
        let rules =
            "local all all trust\nhostssl all cert 127.0.0.1/32 cert\nhostssl all all 127.0.0.1/32 trust\n";
        let files = [("cert.pem", certificate), ("key.pem", key), ("clients.pem", clients), ("rules", rules)];
        let path = |name: &str| server.folder.join(name).display().to_string();
        for (name, content) in files {
            keep(&server.folder.join(name), content, USER);
        }
        let settings = [
            "ssl = on".to_owned(),
            format!("ssl_cert_file = '{}'", path("cert.pem")),
            format!("ssl_key_file = '{}'", path("key.pem")),
            format!("ssl_ca_file = '{}'", path("clients.pem")),
            format!("hba_file = '{}'", path("rules")),
        ];
        Some(Self::start_in(server, &settings.iter().map(String::as_str).collect::<Vec<_>>()))
    }

    fn start_in(server: Self, settings: &[&str]) -> Self {
        let data = server.data();
        run(unprivileged(USER, &server.programs.join("initdb")).arg("-D").arg(&data).args([
            "--auth=trust",
            "--username=countersign",
            "--encoding=UTF8",
            "--locale=C",
            "--no-sync",
        ]));
        // Whoever is called so has a password, and is asked for it.
        let rules = data.join("pg_hba.conf");
        let others = fs::read_to_string(&rules).expect("initdb has made it");
        fs::write(&rules, format!("host all guarded 127.0.0.1/32 scram-sha-256\n{others}"))
            .expect("it can be written");
        let mut lines = vec![
            "listen_addresses = '127.0.0.1'".to_owned(),
            format!("port = {}", server.port),
            format!("unix_socket_directories = '{}'", server.folder.display()),
            "max_connections = 400".to_owned(),
            "shared_buffers = 64MB".to_owned(),
        ];
        lines.extend(settings.iter().map(|setting| (*setting).to_owned()));
        server.configure(&lines);
        server.start();
        server
    }

    /// A standby that follows `self` by streaming, from a copy made now. It answers reads until it is promoted.
    pub fn standby(&self) -> Self {
        let standby = Self::prepare().expect("the primary's programs are there");
        run(unprivileged(USER, &self.programs.join("pg_basebackup"))
            .arg("-D")
            .arg(standby.data())
            .args(["-h", "127.0.0.1", "-p", &self.port.to_string(), "-U", "countersign"])
            .args(["--write-recovery-conf", "--checkpoint=fast", "--no-sync"]));
        standby.configure(&[
            format!("port = {}", standby.port),
            format!("unix_socket_directories = '{}'", standby.folder.display()),
            // The name by which its primary knows it.
            "cluster_name = 'standby'".to_owned(),
            // As the copy has it from the primary, it would wait for itself.
            "synchronous_standby_names = ''".to_owned(),
        ]);
        standby.start();
        standby
    }

    /// Makes a standby a primary.
    pub fn promote(&self) {
        run(self.control().args(["promote", "-w"]));
    }

    fn prepare() -> Option<Self> {
        watch_this_test();
        let programs = find("initdb")?;
        let programs = fs::canonicalize(programs).expect("initdb is there").with_file_name("");
        let folder = TempDir::with_prefix("countersign-postgres-").expect("a folder can be made").keep();
        hand_over(&folder, USER);
        let stop = format!(
            "{} -D \"$1/data\" -m immediate stop; rm -rf \"$1\"",
            shown(&unprivileged(USER, &programs.join("pg_ctl")))
        );
        let guardian = Guardian::set(&stop, [folder.clone().into_os_string()]);
        Some(Self { programs, folder, port: free_port(), databases: AtomicU32::new(0), _guardian: guardian })
    }

    /// Starts it, again after it was stopped.
    pub fn start(&self) {
        run(self.control().arg("--log").arg(self.folder.join("log")).args(["-w", "start"]));
    }

    /// Stops it.
    pub fn stop(&self, signal: Signal) {
        let mode = match signal {
            Signal::Fast => "fast",
            Signal::Immediate => "immediate",
        };
        run(self.control().args(["-m", mode, "-w", "stop"]));
    }

    /// The id of its first process.
    pub fn pid(&self) -> i32 {
        let file = fs::read_to_string(self.data().join("postmaster.pid")).expect("a running server has one");
        file.lines().next().and_then(|line| line.parse().ok()).expect("its first line is a number")
    }

    /// Stops all its processes where they stand: it neither answers nor hangs up.
    pub fn freeze(&self) {
        self.signal_all(rustix::process::Signal::STOP);
    }

    /// Lets them go on.
    pub fn thaw(&self) {
        self.signal_all(rustix::process::Signal::CONT);
    }

    /// The first one first: from then on there are no new ones.
    fn signal_all(&self, signal: rustix::process::Signal) {
        let first = self.pid();
        let send = |pid: i32| {
            let pid = rustix::process::Pid::from_raw(pid).expect("no process has the id 0");
            // One of a connection that has just ended is gone.
            let _gone = rustix::process::kill_process(pid, signal);
        };
        send(first);
        let children = fs::read_to_string(format!("/proc/{first}/task/{first}/children"));
        let children = children.expect("Linux tells of a process's children");
        children.split_whitespace().filter_map(|pid| pid.parse().ok()).for_each(send);
    }

    /// Acknowledges from now on only what its standby has, too.
    pub fn wait_for_standby(&self) {
        self.psql("postgres", "ALTER SYSTEM SET synchronous_standby_names = 'standby'");
        self.psql("postgres", "SELECT pg_reload_conf()");
    }

    /// The port of loopback where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Makes a new, empty database. Its URL.
    pub fn create_database(&self) -> String {
        let name = format!("test{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.psql("postgres", &format!("CREATE DATABASE {name}"));
        self.url(&name)
    }

    /// The URL of a database.
    pub fn url(&self, name: &str) -> String {
        format!("postgres://countersign@127.0.0.1:{}/{name}", self.port)
    }

    /// Runs statements in a database. What they print.
    pub fn psql(&self, database: &str, sql: &str) -> String {
        let output = run(Command::new(self.programs.join("psql"))
            .args(["-h", "127.0.0.1", "-p", &self.port.to_string(), "-U", "countersign", "-d", database])
            .args(["--no-psqlrc", "-qtA", "-v", "ON_ERROR_STOP=1", "-c", sql]));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// One of its programs, such as `pg_dump`, by its full path.
    pub fn program(&self, name: &str) -> PathBuf {
        self.programs.join(name)
    }

    fn configure(&self, lines: &[String]) {
        let path = self.data().join("postgresql.auto.conf");
        let mut text = fs::read_to_string(&path).unwrap_or_default();
        for line in lines {
            text.push_str(line);
            text.push('\n');
        }
        fs::write(&path, text).expect("the configuration can be written");
    }

    fn control(&self) -> Command {
        let mut command = unprivileged(USER, &self.programs.join("pg_ctl"));
        command.arg("-D").arg(self.data());
        command
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }
}

/// A command as a shell reads it; none of its words needs quotes.
fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| Path::new(word).display().to_string()).collect::<Vec<_>>().join(" ")
}
