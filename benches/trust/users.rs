//! Users, made by the command on the machine itself.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

pub const PASSWORD: &str = "correct horse battery";

/// Makes a user in the database of a folder, which is made if it is not there.
pub fn create(folder: &Path, name: &str, roles: &str) {
    let file = folder.join("countersign.db");
    create_in(folder, &format!("sqlite://{}", file.display()), name, roles);
}

/// Makes a user in a database; the folder has the master key.
pub fn create_in(folder: &Path, url: &str, name: &str, roles: &str) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_countersign"))
        .current_dir(folder)
        .args(["user", "create", "--username", name, "--role", roles, "--database-url", url])
        .env("COUNTERSIGN_MASTER_KEY_FILE", folder.join("countersign.key"))
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(PASSWORD.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
}
