//! `countersign key rotate`: lets the next signing key take over, through a running server.

use clap::Command;

use super::shown::{self, Shown};
use crate::cli::given::Given;
use crate::cli::remote::{self, Remote};
use crate::cli::time::{moment, to_second};
use crate::cli::verb::Verb;
use crate::cli::{Failure, print};
use crate::pb::auth::v1::RotateKeyRequest;

pub(super) const VERB: Verb = Verb { command, run };

fn command() -> Command {
    Command::new("rotate")
        .about("Let the next signing key take over, at once if verifiers have known it for ten minutes")
        .args(remote::arguments())
}

fn run(mut given: Given) -> Result<(), Failure> {
    let json = given.flag("json");
    let remote = Remote::read(&mut given);
    let remote = given.problems.none_or(remote)?;
    let answer =
        remote.call(async |server| server.answer(server.admin().rotate_key(RotateKeyRequest {}).await))?;
    let keys: Vec<Shown> = answer.keys.iter().map(Shown::of_message).collect();
    let keys = shown::keys(&keys, json);
    if json {
        return print(&keys);
    }
    let rotates = to_second(moment(answer.rotate_time.as_ref()));
    print(&format!("{keys}\nthe next key signs from {rotates}"))
}
