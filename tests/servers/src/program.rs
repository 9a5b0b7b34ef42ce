//! Finding and running programs that we did not write.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The program called `name`, from PATH or from where Debian keeps it. `None` means that it was said that the test is
/// skipped.
#[expect(clippy::disallowed_methods, reason = "the environment of a test run is its command line")]
pub fn find(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&path)
        .chain(debian_folders())
        .map(|folder| folder.join(name))
        .find(|candidate| candidate.is_file());
    if found.is_none() {
        let required = env::var_os("COUNTERSIGN_TEST_REQUIRE").is_some_and(|value| value == "all");
        assert!(!required, "{name} is required by COUNTERSIGN_TEST_REQUIRE=all and is not installed");
        // Past the capture of a passing test's output, or nobody would read it.
        let said = std::io::stderr().write_all(format!("skipped: {name} is not installed\n").as_bytes());
        said.expect("standard error can be written");
    }
    found
}

/// Debian keeps a server's programs out of PATH, by version.
fn debian_folders() -> Vec<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut folders: Vec<_> = versions.map(|version| version.path().join("bin")).collect();
    folders.sort();
    folders.reverse();
    folders.push(PathBuf::from("/usr/sbin"));
    folders
}

/// A command that runs `program` as the user of this name where this process is root: no database server runs as root.
pub(crate) fn unprivileged(user: &str, program: &Path) -> Command {
    if !rustix::process::geteuid().is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid", user, "--regid", user, "--clear-groups"]).arg(program);
    // A folder that only root may enter would be complained about.
    command.current_dir("/");
    command
}

/// Gives a folder to that user, where this process is root.
pub(crate) fn hand_over(folder: &Path, user: &str) {
    if rustix::process::geteuid().is_root() {
        run(Command::new("chown").arg("-R").arg(user).arg(folder));
    }
}

/// Writes a file that this user alone reads, where this process is root.
pub(crate) fn keep(path: &Path, content: &str, user: &str) {
    fs::write(path, content).expect("the file can be written");
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("it is ours");
    hand_over(path, user);
}

/// Runs a command to its end, which must be a good one.
pub(crate) fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("{:?}: {error}", command.get_program()));
    assert!(
        output.status.success(),
        "{:?} {:?}: {}\n{}{}",
        command.get_program(),
        command.get_args().collect::<Vec<&OsStr>>(),
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    output
}

/// A port of loopback that is free at this moment.
pub fn free_port() -> u16 {
    let socket = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    socket.local_addr().expect("a bound socket has an address").port()
}
