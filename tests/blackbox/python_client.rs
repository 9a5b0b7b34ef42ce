//! Python's grpcio against the built server: a whole session and its account's life on stubs compiled from our protos, and
//! health probes.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::harness::{Binary, Desk, PASSWORD, run, tool};

const FOLDER: &str = env!("CARGO_MANIFEST_DIR");

/// What a program of `tests/clients/` prints, a JSON value a line. `None` where there is no Python with its libraries.
fn printed(program: &str, arguments: &[&str]) -> Option<Vec<Value>> {
    let mut command = Command::new(tool("clients-python")?);
    command.arg(Path::new(FOLDER).join("tests/clients").join(program)).args(arguments);
    let output = run(&mut command, "");
    let (said, complained) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{program}: {complained} after {said}");
    Some(said.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

/// How many steps were answered, and all codes and reasons of those that were not. The programs compare each answer with
/// what they expect; with this a test says what they may not leave out.
fn told(steps: &[Value]) -> (usize, Vec<(&str, &str)>) {
    let (refused, answered): (Vec<_>, Vec<_>) = steps.iter().partition(|step| step["reason"].is_string());
    let refusals: BTreeSet<_> = refused
        .iter()
        .map(|step| (step["code"].as_str().unwrap(), step["reason"].as_str().unwrap()))
        .collect();
    (answered.len(), refusals.into_iter().collect())
}

#[test]
fn grpcio_walks_a_whole_session_on_stubs_from_our_protos() {
    let server = Binary::start(&[]);
    let protos = Path::new(FOLDER).join("proto");
    let Some(steps) = printed("session.py", &[&server.address.to_string(), protos.to_str().unwrap()]) else {
        return;
    };
    let (answered, refusals) = told(&steps);
    assert_eq!(answered, 8, "{steps:#?}");
    assert_eq!(
        refusals,
        [
            ("ALREADY_EXISTS", "USERNAME_TAKEN"),
            ("INVALID_ARGUMENT", "FIELD_INVALID"),
            ("PERMISSION_DENIED", "ROLE_REQUIRED"),
            ("RESOURCE_EXHAUSTED", "MESSAGE_TOO_LARGE"),
            ("UNAUTHENTICATED", "CREDENTIALS_INVALID"),
            ("UNAUTHENTICATED", "CREDENTIALS_MISSING"),
            ("UNAUTHENTICATED", "TOKEN_INVALID"),
            ("UNIMPLEMENTED", "METHOD_UNKNOWN"),
        ]
    );
    server.stop();
}

#[test]
fn grpcio_lives_a_session_and_its_account_to_the_end() {
    let desk = Desk::open();
    let protos = Path::new(FOLDER).join("proto");
    let address = desk.server.address.to_string();
    let Some(steps) = printed("life.py", &[&address, protos.to_str().unwrap(), "root", PASSWORD]) else {
        return;
    };
    let (answered, refusals) = told(&steps);
    assert_eq!(answered, 15, "{steps:#?}");
    assert_eq!(
        refusals,
        [
            ("ALREADY_EXISTS", "USERNAME_TAKEN"),
            ("FAILED_PRECONDITION", "LAST_ADMIN"),
            ("INVALID_ARGUMENT", "FIELD_INVALID"),
            ("NOT_FOUND", "SESSION_NOT_FOUND"),
            ("NOT_FOUND", "USER_NOT_FOUND"),
            ("PERMISSION_DENIED", "ROLE_REQUIRED"),
            ("UNAUTHENTICATED", "CREDENTIALS_INVALID"),
            ("UNAUTHENTICATED", "REFRESH_TOKEN_REUSED"),
            ("UNAUTHENTICATED", "TOKEN_INVALID"),
            ("UNAUTHENTICATED", "TOKEN_REVOKED"),
        ]
    );
    desk.server.stop();
}

#[test]
fn grpcio_health_probes_see_readiness_and_liveness() {
    let server = Binary::start(&[]);
    let services = ["", "auth.v1.AuthService", "liveness", "nothing"];
    let address = server.address.to_string();
    let Some(answers) = printed("health.py", &[&[address.as_str()], &services[..]].concat()) else { return };
    assert_eq!(
        answers,
        [json!({
            "": "SERVING",
            "auth.v1.AuthService": "SERVING",
            "liveness": "SERVING",
            "nothing": "NOT_FOUND",
        })]
    );
    server.stop();
}
