//! The real binary, in a folder of its own, for signals, kills, the command line and foreign clients.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::thread::JoinHandle;

use countersign_test_servers::watch_this_test;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tonic::transport::{Channel, Endpoint};

use super::database::point_to_database;
use super::{Client, Database};

/// A free port of loopback.
const FREE_PORT: [&str; 2] = ["--listen", "127.0.0.1:0"];
/// Hashes cheap enough for tests; the service warns about them.
const CHEAP_HASHES: [&str; 4] = ["--argon2-memory-kib", "64", "--argon2-passes", "1"];

pub struct Binary {
    pub address: SocketAddr,
    /// What it printed when it was ready.
    pub greeting: String,
    pub folder: TempDir,
    child: Running,
    log: Log,
    output: JoinHandle<String>,
}

/// What it logs, which a test that fails shows.
struct Log(Option<JoinHandle<String>>);

impl Log {
    fn join(mut self) -> String {
        self.0.take().unwrap().join().unwrap()
    }
}

impl Drop for Log {
    /// The process is gone by then.
    #[expect(clippy::print_stdout, reason = "the output of a test that fails is shown")]
    fn drop(&mut self) {
        if let Some(Ok(text)) = self.0.take().filter(|_| std::thread::panicking()).map(JoinHandle::join) {
            println!("{text}");
        }
    }
}

/// A process that does not outlive the test that started it.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _gone_already = self.0.kill();
        let _reaped_already = self.0.wait();
    }
}

/// The command `countersign` in `folder`, with nothing of this process's environment.
pub fn countersign(folder: &Path) -> Command {
    watch_this_test();
    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
    command.env_clear().current_dir(folder);
    point_to_database(&mut command, folder);
    command
}

impl Binary {
    /// Starts the service in an empty folder, on a free port.
    pub fn start(arguments: &[&str]) -> Self {
        Self::start_in(TempDir::new().unwrap(), arguments)
    }

    /// Starts another one on the database of `first`, with a folder of its own.
    pub fn start_beside(first: &Self, arguments: &[&str]) -> Self {
        let folder = TempDir::new().unwrap();
        let mut command = countersign(folder.path());
        point_to_database(&mut command, first.folder.path());
        Self::start_as(command, folder, arguments)
    }

    /// Starts another release of the service on the files of `first`.
    pub fn start_other(program: &Path, first: &Self, arguments: &[&str]) -> Self {
        let folder = TempDir::new().unwrap();
        let mut command = Command::new(program);
        command.env_clear().current_dir(first.folder.path());
        point_to_database(&mut command, first.folder.path());
        Self::start_as(command, folder, arguments)
    }

    pub fn start_in(folder: TempDir, arguments: &[&str]) -> Self {
        let command = countersign(folder.path());
        Self::start_as(command, folder, arguments)
    }

    /// The same, for tests that limit the size of its files: writing beyond it is an error then and not the end, as on a
    /// disk that is full.
    pub fn start_ignoring_file_limits(arguments: &[&str]) -> Self {
        let folder = TempDir::new().unwrap();
        let mut command = Command::new("sh");
        command.env_clear().current_dir(folder.path());
        command.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_countersign")]);
        Self::start_as(command, folder, arguments)
    }

    fn start_as(mut command: Command, folder: TempDir, arguments: &[&str]) -> Self {
        watch_this_test();
        let mut child = command
            .args(if arguments.contains(&FREE_PORT[0]) { &[][..] } else { &FREE_PORT[..] })
            .args(if arguments.contains(&CHEAP_HASHES[0]) { &[][..] } else { &CHEAP_HASHES[..] })
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let log = Log(Some(collect(child.stderr.take().unwrap())));
        let mut greeting = String::new();
        while output.read_line(&mut greeting).unwrap() > 0 && expects_more(&greeting) {}
        let address =
            greeting.split_whitespace().find_map(|word| word.trim_end_matches(['.', ';']).parse().ok());
        let Some(address) = address else { panic!("it did not start: {greeting:?} {}", log.join()) };
        Self { address, greeting, folder, child: Running(child), log, output: collect(output) }
    }

    pub async fn channel(&self) -> Channel {
        Endpoint::from_shared(format!("http://{}", self.address)).unwrap().connect().await.unwrap()
    }

    pub async fn client(&self) -> Client {
        Client::new(self.channel().await)
    }

    /// Its database, behind its back.
    pub fn database(&self) -> Database {
        Database::of(self.folder.path())
    }

    /// The three lines to try that it has printed.
    pub fn lines_to_try(&self) -> Vec<String> {
        let lines = self.greeting.lines().filter(|line| line.trim().starts_with("grpcurl"));
        let lines: Vec<_> = lines.map(str::to_owned).collect();
        assert_eq!(lines.len(), 3, "{}", self.greeting);
        lines
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.0.id()
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child.0), signal).unwrap();
    }

    /// Waits for the end: how it ended, what it printed, what it logged.
    pub fn wait(mut self) -> (ExitStatus, String, TempDir) {
        let status = self.child.0.wait().unwrap();
        let log = self.greeting + &self.output.join().unwrap() + &self.log.join();
        (status, log, self.folder)
    }

    /// Asks it to stop and waits for the end.
    pub fn stop(self) -> (ExitStatus, String, TempDir) {
        self.signal(Signal::TERM);
        self.wait()
    }

    /// Runs another command in the same folder with `input` as its standard input.
    pub fn run(&self, arguments: &[&str], input: &str) -> Output {
        run(countersign(self.folder.path()).args(arguments), input)
    }
}

/// Whether lines to try follow the one that says where it listens.
fn expects_more(greeting: &str) -> bool {
    greeting.contains("Try:") && !greeting.ends_with("/Greet\n")
}

pub fn run(command: &mut Command, input: &str) -> Output {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // One that answers while it reads would wait for its reader, and we for it.
    std::thread::scope(|scope| {
        scope.spawn(move || {
            // A command that refuses its arguments ends without reading its input.
            let _closed = stdin.write_all(input.as_bytes());
        });
        child.wait_with_output().unwrap()
    })
}

fn collect(mut from: impl Read + Send + 'static) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let mut text = Vec::new();
        from.read_to_end(&mut text).unwrap();
        String::from_utf8_lossy(&text).into_owned()
    })
}
