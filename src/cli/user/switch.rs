//! `countersign user disable` and `user enable`.

use clap::Command;

use super::shown;
use crate::cli::given::Given;
use crate::cli::remote::{self, Remote};
use crate::cli::user_argument::UserArgument;
use crate::cli::verb::Verb;
use crate::cli::verifier_wait::{self, Waited};
use crate::cli::{Failure, print};
use crate::pb::auth::v1::{DisableUserRequest, EnableUserRequest};

pub(super) const DISABLE: Verb = Verb { command: disable_command, run: disable };
pub(super) const ENABLE: Verb = Verb { command: enable_command, run: enable };

fn disable_command() -> Command {
    Command::new("disable")
        .about("Disable a user: it cannot sign in, and all its sessions end")
        .args([UserArgument::argument(), verifier_wait::argument()])
        .args(remote::arguments())
}

fn enable_command() -> Command {
    Command::new("enable")
        .about("Let a disabled user sign in again")
        .arg(UserArgument::argument())
        .args(remote::arguments())
}

fn disable(mut given: Given) -> Result<(), Failure> {
    let json = given.flag("json");
    let whom = UserArgument::read(&mut given, "USER");
    let wait = verifier_wait::read(&mut given);
    let remote = Remote::read(&mut given);
    let (remote, (whom, wait_for_verifiers)) = given.problems.none_or(remote.zip(whom.zip(wait)))?;
    let (user, answer) = remote.call(async |server| {
        let request = DisableUserRequest { user_id: whom.id(server).await?, wait_for_verifiers };
        let mut answer = server.answer(server.admin().disable_user(request).await)?;
        Ok((server.promised(answer.user.take())?, answer))
    })?;
    let waited = Waited::of(wait_for_verifiers, answer.verifiers_pending, answer.pending_verifiers);
    print(&shown::changed_user(&user, &waited, json))?;
    waited.check()
}

fn enable(mut given: Given) -> Result<(), Failure> {
    let json = given.flag("json");
    let whom = UserArgument::read(&mut given, "USER");
    let remote = Remote::read(&mut given);
    let (remote, whom) = given.problems.none_or(remote.zip(whom))?;
    let user = remote.call(async |server| {
        let request = EnableUserRequest { user_id: whom.id(server).await? };
        server.promised(server.answer(server.admin().enable_user(request).await)?.user)
    })?;
    print(&shown::user(&user, json))
}
