//! `countersign user delete`: deletes a user for good, if whoever asks for it means it.

use clap::Command;

use crate::cli::confirm;
use crate::cli::escape::escape;
use crate::cli::given::Given;
use crate::cli::json::{self, Object};
use crate::cli::remote::{self, Remote};
use crate::cli::user_argument::UserArgument;
use crate::cli::verb::Verb;
use crate::cli::{Failure, print};
use crate::pb::auth::v1::DeleteUserRequest;

pub(super) const VERB: Verb = Verb { command, run };

fn command() -> Command {
    Command::new("delete")
        .about(
            "Delete a user for good: its sessions end, its id is never used again, its name not for 90 days",
        )
        .arg(UserArgument::argument())
        .arg(confirm::argument())
        .args(remote::arguments())
}

fn run(mut given: Given) -> Result<(), Failure> {
    let json = given.flag("json");
    let whom = UserArgument::read(&mut given, "USER");
    let sure = confirm::read(&mut given);
    let remote = Remote::read(&mut given);
    let (remote, (whom, sure)) = given.problems.none_or(remote.zip(whom.zip(sure)))?;
    let user_id = if sure.is_meant() {
        remote.call(async |server| whom.id(server).await)?
    } else {
        // Asked between two connections: people take their time, and a server drops those who are silent.
        let user = remote.call(async |server| whom.user(server).await)?;
        sure.ask(&format!("Delete {} ({}) for good?", escape(&user.username), escape(&user.user_id)))?;
        user.user_id
    };
    let request = DeleteUserRequest { user_id: user_id.clone(), ..Default::default() };
    remote.call(async |server| server.answer(server.auth().delete_user(request).await))?;
    print(&if json {
        json::render(&Object::default().into())
    } else {
        format!("deleted {}", escape(&user_id))
    })
}
