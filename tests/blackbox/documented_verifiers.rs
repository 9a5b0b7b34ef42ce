//! `docs/verify.md`: its Python verifiers against the built server, one that fetches keys and one that watches.

use std::io::{BufRead, BufReader, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::harness::{Desk, PASSWORD, said_yes, tool};

const FOLDER: &str = env!("CARGO_MANIFEST_DIR");
const AUDIENCE: &str = "countersign";
/// More than the time for which the document's verifier goes on by what it knows, in seconds.
const TOO_LONG: u32 = 31;

/// A program of `tests/clients/` that answers each line with a line.
struct Program {
    child: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Program {
    /// `None` where there is no Python with its libraries.
    fn start(name: &str, arguments: &[&str]) -> Option<Self> {
        let mut command = Command::new(tool("clients-python")?);
        command.arg(Path::new(FOLDER).join("tests/clients").join(name)).args(arguments);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (questions, answers) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        Some(Self { child, questions, answers: BufReader::new(answers) })
    }

    fn said(&mut self) -> Value {
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"))
    }

    fn ask(&mut self, question: &str) -> Value {
        writeln!(self.questions, "{question}").unwrap();
        self.said()
    }

    /// What a watching one says of a token: its user's name, or why it is refused.
    fn check(&mut self, token: &str) -> Result<String, String> {
        decision(&self.ask(&json!({"check": token}).to_string()))
    }

    /// Waits until this many streams have begun, and the last of them has proven that nothing is missing.
    fn see_streams(&mut self, count: u64) {
        let seen = self.ask(&json!({"streams": count}).to_string());
        assert!(seen["streams"].as_u64().unwrap() >= count, "{seen}");
    }

    /// Ends its input and waits for the end.
    fn finish(mut self) {
        drop(self.questions);
        assert!(self.child.wait().unwrap().success());
    }
}

fn decision(answer: &Value) -> Result<String, String> {
    match answer["refused"].as_str() {
        Some(refusal) => Err(refusal.to_owned()),
        None => Ok(answer["claims"]["name"].as_str().unwrap().to_owned()),
    }
}

fn refused(why: &str) -> Result<String, String> {
    Err(why.to_owned())
}

/// An address that leads to the server, until it is cut.
struct Wire {
    address: SocketAddr,
    ends: Arc<Mutex<Option<Vec<TcpStream>>>>,
}

impl Wire {
    fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let wire = Self { address: listener.local_addr().unwrap(), ends: Arc::new(Mutex::new(Some(vec![]))) };
        let ends = wire.ends.clone();
        thread::spawn(move || {
            for near in listener.incoming() {
                let near = near.unwrap();
                // While it is cut, whoever comes is dropped.
                if let Some(ends) = ends.lock().unwrap().as_mut() {
                    let far = TcpStream::connect(server).unwrap();
                    join(near.try_clone().unwrap(), far.try_clone().unwrap());
                    join(far.try_clone().unwrap(), near.try_clone().unwrap());
                    ends.extend([near, far]);
                }
            }
        });
        wire
    }

    fn cut(&self) {
        for end in self.ends.lock().unwrap().take().unwrap() {
            let _closed_already = end.shutdown(Shutdown::Both);
        }
    }

    fn mend(&self) {
        *self.ends.lock().unwrap() = Some(vec![]);
    }
}

fn join(mut from: TcpStream, mut to: TcpStream) {
    thread::spawn(move || {
        let _cut = std::io::copy(&mut from, &mut to);
        let _closed_already = to.shutdown(Shutdown::Both);
    });
}

/// A server with a user, and one who may watch.
fn desk() -> Desk {
    let desk = Desk::open();
    desk.create_user("alice", &[]);
    desk.create_user("orders", &["--role", "verifier"]);
    desk
}

fn watch_at(address: SocketAddr) -> Option<Program> {
    let mut verifier =
        Program::start("watching.py", &[&address.to_string(), FOLDER, "orders", PASSWORD, AUDIENCE])?;
    verifier.see_streams(1);
    Some(verifier)
}

#[test]
fn the_python_verifier_that_fetches_keys_does_not_see_a_sign_out() {
    let desk = desk();
    let token = desk.sign_in("alice");
    let arguments = [&desk.server.address.to_string(), FOLDER, AUDIENCE];
    let Some(mut verifier) = Program::start("keys.py", &arguments) else { return };
    assert_eq!(verifier.said(), json!({"max_age": 300}));
    assert_eq!(decision(&verifier.ask(&token)), Ok("alice".to_owned()));
    said_yes(&desk.run_as(&token, &["token", "revoke", "--wait-for-verifiers", "10s"]));
    assert_eq!(decision(&verifier.ask(&token)), Ok("alice".to_owned()), "as the document says");
    assert_eq!(decision(&verifier.ask(&format!("{token}."))), refused("invalid"));
    verifier.finish();
}

#[test]
fn the_python_verifier_that_watches_refuses_what_is_revoked_as_soon_as_it_is_said_to() {
    let desk = desk();
    let [first, second, third] = ["alice"; 3].map(|name| desk.sign_in(name));
    let Some(mut verifier) = watch_at(desk.server.address) else { return };
    for token in [&first, &second, &third] {
        assert_eq!(verifier.check(token), Ok("alice".to_owned()));
    }
    assert_eq!(verifier.check(&format!("{first}.")), refused("invalid"));

    // A session, then all tokens of the user, then a key: each is felt before the answer.
    let wait = ["--wait-for-verifiers", "10s"];
    said_yes(&desk.run_as(&first, &[&["token", "revoke"], &wait[..]].concat()));
    assert_eq!(verifier.check(&first), refused("revoked"));
    assert_eq!(verifier.check(&second), Ok("alice".to_owned()));
    desk.table(&[&["user", "set-roles", "alice", "buyer"], &wait[..]].concat());
    assert_eq!(verifier.check(&second), refused("revoked"));
    assert_eq!(verifier.check(&third), refused("revoked"));
    let fresh = desk.sign_in("alice");
    assert_eq!(verifier.check(&fresh), Ok("alice".to_owned()));
    let keys = desk.json(&["key", "list"]);
    let keys = keys["keys"].as_array().unwrap();
    let active = keys.iter().find(|key| key["state"] == "KEY_STATE_ACTIVE").unwrap();
    let key_id = active["keyId"].as_str().unwrap();
    desk.table(&[&["key", "revoke", key_id, "--yes"], &wait[..]].concat());
    // It has left the key set, and still its token is one whose holder may refresh.
    assert_eq!(verifier.check(&fresh), refused("revoked"));
    assert_eq!(verifier.check(&desk.sign_in("alice")), Ok("alice".to_owned()), "by the next key");
    verifier.finish();
}

#[test]
fn the_python_verifier_that_is_cut_off_grows_stale_and_misses_nothing_when_it_is_back() {
    let desk = desk();
    let (token, other) = (desk.sign_in("alice"), desk.sign_in("alice"));
    let wire = Wire::to(desk.server.address);
    let Some(mut verifier) = watch_at(wire.address) else { return };
    assert_eq!(verifier.check(&token), Ok("alice".to_owned()));

    wire.cut();
    let revoked = desk.run_as(&token, &["token", "revoke", "--wait-for-verifiers", "1s"]);
    let complaint = String::from_utf8_lossy(&revoked.stderr);
    assert!(complaint.contains("one verifier has not applied it yet"), "{complaint}");
    assert_eq!(verifier.check(&token), Ok("alice".to_owned()), "for as long as it may go on");
    verifier.ask(&json!({"turn": TOO_LONG}).to_string());
    assert_eq!(verifier.check(&token), refused("stale"));
    assert_eq!(verifier.check(&other), refused("stale"));

    wire.mend();
    verifier.see_streams(2);
    assert_eq!(verifier.check(&token), refused("revoked"));
    assert_eq!(verifier.check(&other), Ok("alice".to_owned()));
    verifier.finish();
}

#[test]
fn the_python_verifier_says_goodbye_so_that_nobody_waits_for_it() {
    let desk = desk();
    let Some(verifier) = watch_at(desk.server.address) else { return };
    let listed = desk.json(&["verifier", "list"]);
    assert_eq!(listed["verifiers"][0]["instance"], "orders-1", "{listed}");
    verifier.finish();
    let listed = desk.json(&["verifier", "list"]);
    assert_eq!(listed["verifiers"].as_array().map_or(0, Vec::len), 0, "{listed}");
}

/// SIGTERM is how services are stopped.
#[test]
fn the_python_verifier_says_goodbye_when_its_process_is_asked_to_end() {
    let desk = desk();
    for signal in [Signal::TERM, Signal::INT] {
        let Some(mut verifier) = watch_at(desk.server.address) else { return };
        kill_process(Pid::from_child(&verifier.child), signal).unwrap();
        verifier.child.wait().unwrap();
        let listed = desk.json(&["verifier", "list"]);
        assert_eq!(listed["verifiers"].as_array().map_or(0, Vec::len), 0, "{listed}");
    }
}

#[test]
fn the_python_verifier_believes_no_old_heartbeat_and_never_goes_back() {
    let Some(verifier) = Program::start("frames.py", &[FOLDER]) else { return };
    verifier.finish();
}
