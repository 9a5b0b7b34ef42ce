//! How commands reach a server: where it is, with which token, and what is said when that does not work.

use std::fs::{self, File, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use tempfile::TempDir;

use crate::harness::{Desk, PASSWORD, countersign, run, said_no, said_yes};

/// Every command that asks a server with a token.
const WITH_TOKEN: [&[&str]; 12] = [
    &["user", "list"],
    &["user", "show", "alice"],
    &["user", "disable", "alice"],
    &["user", "enable", "alice"],
    &["user", "set-roles", "alice", "admin"],
    &["user", "reset-code", "alice"],
    &["user", "delete", "alice", "--yes"],
    &["session", "list", "alice"],
    &["session", "revoke", "0193b4a0-5f6e-7c3a-8d5e-1f2a3b4c5d6e"],
    &["session", "revoke-all", "alice"],
    &["event", "list"],
    &["token", "revoke"],
];

#[test]
fn a_token_is_printed_alone_or_with_all_that_goes_with_it() {
    let desk = Desk::open_with(&["--audiences", "countersign,notes"]);
    let issue = |more: &[&str], password: &str| {
        run(&mut desk.command(&[&["token", "issue", "--username", "root"], more].concat()), password)
    };
    let json = |more: &[&str]| -> Value {
        serde_json::from_str(&said_yes(&issue(&[more, &["--json"]].concat(), PASSWORD))).unwrap()
    };
    let issued = json(&[]);
    assert!(issued["token"].as_str().unwrap().starts_with("v4.public."), "{issued}");
    assert_eq!(issued["sessionId"].as_str().unwrap().len(), 36);
    // Both are of one form, to the second.
    let shorter = json(&["--lifetime", "60s"]);
    assert!(shorter["expireTime"].as_str().unwrap() < issued["expireTime"].as_str().unwrap(), "{shorter}");
    let audience = |more: &[&str]| {
        let issued = said_yes(&issue(more, PASSWORD));
        let payload = issued.split('.').nth(2).unwrap();
        let payload = String::from_utf8_lossy(&URL_SAFE_NO_PAD.decode(payload).unwrap()).into_owned();
        payload.split_once(r#""aud":""#).unwrap().1.split_once('"').unwrap().0.to_owned()
    };
    assert_eq!(audience(&[]), "countersign");
    assert_eq!(audience(&["--audience", "notes"]), "notes");

    for (more, password, code, expected) in [
        (&[][..], "wrong horse battery", 1, "(CREDENTIALS_INVALID)"),
        (&[], "", 1, "no password"),
        (&["--audience", "nothing"], PASSWORD, 1, "(FIELD_INVALID)"),
        (&["--lifetime", "soon"], PASSWORD, 2, "--lifetime: must be"),
        (&["--lifetime=-1s"], PASSWORD, 2, "--lifetime: must be"),
        (&["--password", PASSWORD], "", 2, "--password: there is no such flag"),
        (&["--token-file", "x"], "", 2, "--token-file: there is no such flag"),
    ] {
        let said = said_no(code, &issue(more, password));
        assert!(said.contains(expected), "{said}");
        assert!(password.is_empty() || !said.contains(password), "{said}");
        assert!(!said.contains(PASSWORD), "{said}");
    }
    said_no(2, &run(&mut desk.command(&["token", "issue"]), PASSWORD));
}

/// A script that signs in on every run leaves nothing behind.
#[test]
fn a_token_is_revoked_with_its_session() {
    let desk = Desk::open();
    let sessions = || desk.json(&["session", "list", "root"])["sessions"].as_array().unwrap().len();
    assert_eq!(sessions(), 1);
    let [first, second] = [desk.sign_in("root"), desk.sign_in("root")];
    assert_eq!(sessions(), 3, "each opens one");

    let said = said_yes(&desk.run_as(&first, &["token", "revoke"]));
    assert_eq!(said, "the server takes no token of this session any more\n");
    let refused = said_no(1, &desk.run_as(&first, &["user", "list"]));
    assert!(refused.contains("(TOKEN_REVOKED)"), "{refused}");
    said_yes(&desk.run_as(&first, &["token", "revoke"]));
    assert_eq!(sessions(), 2);

    let file = desk.server.folder.path().join("token");
    fs::write(&file, second).unwrap();
    fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
    let file = file.to_str().unwrap();
    let json = said_yes(&run(&mut desk.command(&["token", "revoke", "--json", "--token-file", file]), ""));
    assert_eq!(json, "{}\n");
    assert_eq!(sessions(), 1, "the others go on");
    let help = said_yes(&run(&mut desk.command(&["token", "issue", "--help"]), ""));
    assert!(help.contains("opens a session") && help.contains("token revoke"), "{help}");
}

#[test]
fn a_missing_token_says_where_it_is_taken_from() {
    let folder = TempDir::new().unwrap();
    for arguments in WITH_TOKEN {
        for variable in [None, Some(""), Some("\n")] {
            let mut command = countersign(folder.path());
            command.args(arguments).envs(variable.map(|value| ("COUNTERSIGN_TOKEN", value)));
            let said = said_no(2, &run(&mut command, ""));
            for hint in ["COUNTERSIGN_TOKEN", "--token-file", "countersign token issue --username"] {
                assert!(said.contains(hint), "{arguments:?}: {said}");
            }
        }
    }
}

#[test]
fn a_token_file_wins_over_the_variable_unless_everybody_can_read_it() {
    let desk = Desk::open();
    let file = desk.server.folder.path().join("token");
    fs::write(&file, format!("{}\nnot this line\n", desk.token)).unwrap();
    let alice = desk.create_user("alice", &[]);
    let ask = |path: &std::path::Path| {
        let arguments = ["user", "show", &alice, "--token-file", path.to_str().unwrap()];
        desk.run_as("v4.public.hunter2", &arguments)
    };
    for mode in [0o600, 0o640] {
        fs::set_permissions(&file, Permissions::from_mode(mode)).unwrap();
        said_yes(&ask(&file));
    }
    fs::set_permissions(&file, Permissions::from_mode(0o604)).unwrap();
    let said = said_no(2, &ask(&file));
    assert!(said.contains("--token-file") && said.contains("chmod 600"), "{said}");
    let said = said_no(2, &ask(&desk.server.folder.path().join("none")));
    assert!(said.contains("cannot be read"), "{said}");
    said_no(2, &ask(desk.server.folder.path()));

    for (content, code) in
        [("", 2), ("two words", 2), ("v4.public.hunter2\u{1b}", 2), ("v4.public.hunter2", 1)]
    {
        fs::write(&file, content).unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
        let said = said_no(code, &ask(&file));
        assert!(!said.contains("hunter2") && !said.contains("two words"), "{said}");
    }
    let said = said_no(1, &desk.run_as("v4.public.hunter2", &["user", "show", &alice]));
    assert!(said.contains("(TOKEN_INVALID)") && said.contains("countersign token issue"), "{said}");
}

#[test]
fn a_server_that_is_not_there_is_named() {
    let folder = TempDir::new().unwrap();
    let issue = ["token", "issue", "--username", "root"];
    for arguments in WITH_TOKEN.into_iter().chain([&issue[..]]) {
        let mut command = countersign(folder.path());
        command
            .args(arguments)
            .args(["--server", "http://127.0.0.1:1"])
            .env("COUNTERSIGN_TOKEN", "v4.public.x");
        let said = said_no(1, &run(&mut command, PASSWORD));
        for part in ["http://127.0.0.1:1 cannot be reached", "--server", "COUNTERSIGN_SERVER"] {
            assert!(said.contains(part), "{arguments:?}: {said}");
        }
    }
}

/// Something that answers, and is no Countersign.
#[test]
fn a_server_of_another_kind_is_suspected() {
    let folder = TempDir::new().unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        // Kept open: closing before everything is read would reset the connection, perhaps before it is one.
        let mut kept = Vec::new();
        for mut stream in listener.incoming().flatten() {
            let _gone = stream.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n");
            kept.push(stream);
        }
    });
    let mut command = countersign(folder.path());
    command.args(["user", "list", "--server", &url]).env("COUNTERSIGN_TOKEN", "v4.public.x");
    let said = said_no(1, &run(&mut command, ""));
    assert!(said.contains(&url) && said.contains("something else than Countersign"), "{said}");
}

#[test]
fn a_token_or_a_password_is_not_sent_in_the_clear_to_another_machine() {
    let desk = Desk::open();
    // The wildcard leads to this machine, and no rule says that it must.
    let elsewhere = desk.url.replace("127.0.0.1", "0.0.0.0");
    let issue = |more: &[&str]| {
        let arguments = ["token", "issue", "--username", "root", "--server", &elsewhere];
        run(countersign(desk.server.folder.path()).args(arguments).args(more), PASSWORD)
    };
    let said = said_no(2, &issue(&[]));
    assert!(said.contains("--server: is another machine") && said.contains("--insecure"), "{said}");
    assert!(said_yes(&issue(&["--insecure"])).starts_with("v4.public."));

    let mut command = countersign(desk.server.folder.path());
    command.args(["user", "list"]).env("COUNTERSIGN_SERVER", "http://auth.example.com:50051");
    let said = said_no(2, &run(command.env("COUNTERSIGN_TOKEN", "v4.public.x"), ""));
    assert!(said.contains("COUNTERSIGN_SERVER: is another machine"), "{said}");
    for url in ["ftp://127.0.0.1:50051", "127.0.0.1:50051", "http://a:hunter2@127.0.0.1", ""] {
        let said = desk.refused(2, &["user", "list", "--server", url]);
        assert!(said.contains("--server: must be a URL") && !said.contains("hunter2"), "{said}");
    }
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let folder = TempDir::new().unwrap();
    let mut command = countersign(folder.path());
    command
        .args(["user", "set-roles", "", "A", "--server", "nowhere", "--tokn", "hunter2", "--insecur"])
        .args(["--token-file", "nope"]);
    let said = said_no(2, &run(&mut command, ""));
    for name in ["USER: ", "ROLE: ", "--server: ", "--tokn: ", "--insecur: ", "--token-file: "] {
        assert!(said.contains(name), "{name} is missing: {said}");
    }
    assert!(!said.contains("hunter2"), "{said}");
    // None of these is a setting, and nobody should look for one.
    assert!(said.starts_with("countersign: this cannot be done as it was asked:\n"), "{said}");
}

#[test]
fn every_command_has_its_help() {
    let folder = TempDir::new().unwrap();
    for arguments in WITH_TOKEN.into_iter().chain([&["token", "issue"][..], &["completions"]]) {
        let help = said_yes(&run(
            countersign(folder.path()).args(&arguments[..arguments.len().min(2)]).arg("--help"),
            "",
        ));
        assert!(help.contains("Usage: countersign "), "{help}");
    }
    for noun in ["user", "session", "event", "token"] {
        said_no(2, &run(countersign(folder.path()).arg(noun), ""));
    }
}

#[test]
fn shells_get_scripts_that_they_can_read() {
    let folder = TempDir::new().unwrap();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = said_yes(&run(countersign(folder.path()).args(["completions", shell]), ""));
        assert!(script.contains("countersign") && script.contains("reset-code"), "{shell}: {script}");
    }
    let script = said_yes(&run(countersign(folder.path()).args(["completions", "bash"]), ""));
    for words in ["auto open closed", "auto on off", "error warn info debug trace", "auto text json"] {
        assert!(script.contains(&format!("compgen -W \"{words}\"")), "{words} are not offered: {script}");
    }
    let read = run(Command::new("bash").arg("-n").stdin(Stdio::piped()), &script);
    assert!(read.status.success() && read.stderr.is_empty(), "{}", String::from_utf8_lossy(&read.stderr));
    said_no(2, &run(countersign(folder.path()).args(["completions", "tcsh"]), ""));
    said_no(2, &run(countersign(folder.path()).arg("completions"), ""));
}

/// A code that nobody sees is of no use: whoever asked for it has to ask again.
#[test]
fn a_code_that_cannot_be_written_is_not_taken_for_one_that_was() {
    let desk = Desk::open();
    desk.create_user("alice", &[]);
    let full = File::options().write(true).open("/dev/full").unwrap();
    let mut command = desk.command(&["user", "reset-code", "alice"]);
    command.env("COUNTERSIGN_TOKEN", &desk.token).stdout(full).stderr(Stdio::piped());
    let said = said_no(1, &command.spawn().unwrap().wait_with_output().unwrap());
    assert!(said.contains("could not be written to standard output: No space left"), "{said}");
}
