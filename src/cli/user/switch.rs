//! `countersign user disable` and `user enable`.

use clap::Command;

use super::shown;
use crate::cli::given::Given;
use crate::cli::remote::{self, Remote};
use crate::cli::user_argument::UserArgument;
use crate::cli::verb::Verb;
use crate::cli::{Failure, print};
use crate::pb::auth::v1::{DisableUserRequest, EnableUserRequest};

pub(super) const DISABLE: Verb = Verb { command: disable_command, run: |given| switch(given, false) };
pub(super) const ENABLE: Verb = Verb { command: enable_command, run: |given| switch(given, true) };

fn disable_command() -> Command {
    Command::new("disable")
        .about("Disable a user: it cannot sign in, and all its sessions end")
        .arg(UserArgument::argument())
        .args(remote::arguments())
}

fn enable_command() -> Command {
    Command::new("enable")
        .about("Let a disabled user sign in again")
        .arg(UserArgument::argument())
        .args(remote::arguments())
}

fn switch(mut given: Given, on: bool) -> Result<(), Failure> {
    let json = given.flag("json");
    let whom = UserArgument::read(&mut given, "USER");
    let remote = Remote::read(&mut given);
    let (remote, whom) = given.problems.none_or(remote.zip(whom))?;
    let user = remote.call(async |server| {
        let user_id = whom.id(server).await?;
        let user = if on {
            server.answer(server.admin().enable_user(EnableUserRequest { user_id }).await)?.user
        } else {
            server.answer(server.admin().disable_user(DisableUserRequest { user_id }).await)?.user
        };
        server.promised(user)
    })?;
    print(&shown::user(&user, json))
}
