//! An admin at a shell: the real binary as a server, and the commands that ask it.

use std::process::{Command, Output};

use serde_json::Value;

use super::{Binary, PASSWORD, countersign, run};

pub struct Desk {
    pub server: Binary,
    pub url: String,
    /// The token of `root`, an admin.
    pub token: String,
}

impl Desk {
    /// A server whose first admin is signed in.
    pub fn open() -> Self {
        Self::open_with(&[])
    }

    /// The same with some settings.
    pub fn open_with(arguments: &[&str]) -> Self {
        let server = Binary::start(arguments);
        let url = format!("http://{}", server.address);
        let mut desk = Self { server, url, token: String::new() };
        desk.create_user("root", &["--role", "admin"]);
        desk.token = desk.sign_in("root");
        desk
    }

    /// Makes a user behind the server's back, and says its id.
    pub fn create_user(&self, name: &str, more: &[&str]) -> String {
        let cheap = ["--argon2-memory-kib", "64", "--argon2-passes", "1"];
        let arguments = [&["user", "create", "--username", name], &cheap[..], more].concat();
        let created = said_yes(&self.server.run(&arguments, PASSWORD));
        created.split_whitespace().nth(1).unwrap().to_owned()
    }

    /// A token, as it would go into a variable.
    pub fn sign_in(&self, name: &str) -> String {
        let output = run(&mut self.command(&["token", "issue", "--username", name]), PASSWORD);
        let printed = said_yes(&output);
        assert!(printed.starts_with("v4.public.") && printed.lines().count() == 1, "{printed}");
        printed.trim_end().to_owned()
    }

    /// A command that asks this server, without a token.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = countersign(self.server.folder.path());
        command.args(arguments).env("COUNTERSIGN_SERVER", &self.url);
        command
    }

    pub fn run_as(&self, token: &str, arguments: &[&str]) -> Output {
        run(self.command(arguments).env("COUNTERSIGN_TOKEN", token), "")
    }

    /// What the admin's command prints.
    pub fn table(&self, arguments: &[&str]) -> String {
        said_yes(&self.run_as(&self.token, arguments))
    }

    /// The same for programs.
    pub fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.table(&[arguments, &["--json"]].concat())).unwrap()
    }

    /// What the admin's command complains about, ending with `code`.
    pub fn refused(&self, code: i32, arguments: &[&str]) -> String {
        said_no(code, &self.run_as(&self.token, arguments))
    }
}

pub fn said_yes(output: &Output) -> String {
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{complaint}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub fn said_no(code: i32, output: &Output) -> String {
    let complaint = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(output.status.code(), Some(code), "{complaint}");
    assert!(output.stdout.is_empty(), "{complaint}");
    assert!(complaint.starts_with("countersign: "), "{complaint}");
    complaint
}
