//! `countersign key revoke`: for a key that has leaked, or for everything, through a running server.

use clap::{Arg, ArgAction, Command};

use super::shown::{self, Shown};
use crate::cli::confirm;
use crate::cli::given::Given;
use crate::cli::remote::{self, Remote};
use crate::cli::verb::Verb;
use crate::cli::verifier_wait::{self, Waited};
use crate::cli::{Failure, print};
use crate::pb::auth::v1::RevokeKeyRequest;

pub(super) const VERB: Verb = Verb { command, run };

fn command() -> Command {
    let key = Arg::new("key").value_name("KEY ID").help("The key's id, as key list shows it");
    let all = Arg::new("all")
        .long("all")
        .action(ArgAction::SetTrue)
        .conflicts_with("key")
        .help("Every key, the server key, and all sessions: the database or the master key has leaked");
    Command::new("revoke")
        .about("Revoke a signing key: all its tokens are refused from then on, and the next key takes over")
        .arg(key)
        .arg(all)
        .args([confirm::argument(), verifier_wait::argument()])
        .args(remote::arguments())
}

fn run(mut given: Given) -> Result<(), Failure> {
    let (json, all) = (given.flag("json"), given.flag("all"));
    let key_id = given.text("key").unwrap_or_default();
    if key_id.is_empty() != all {
        given.problems.add("KEY ID", "must be given, or --all");
    }
    let sure = confirm::read(&mut given);
    let wait = verifier_wait::read(&mut given);
    let remote = Remote::read(&mut given);
    let (remote, (sure, wait_for_verifiers)) = given.problems.none_or(remote.zip(sure.zip(wait)))?;
    let question = match all {
        true => "This ends every session and every token of everybody.".to_owned(),
        false => format!("This ends every token that {key_id} has signed."),
    };
    sure.ask(&question)?;
    let request = RevokeKeyRequest { key_id, all, wait_for_verifiers };
    let answer = remote.call(async |server| server.answer(server.admin().revoke_key(request).await))?;
    let keys: Vec<Shown> = answer.keys.iter().map(Shown::of_message).collect();
    let waited = Waited::of(wait_for_verifiers, answer.verifiers_pending, answer.pending_verifiers);
    print(&shown::keys_left(&keys, &waited, json))?;
    waited.check()
}
