//! `countersign user delete`: deletes a user for good, if whoever asks for it means it.

use std::io::{self, BufRead, IsTerminal, Read, Write};

use clap::{Arg, ArgAction, Command};

use crate::cli::escape::escape;
use crate::cli::given::Given;
use crate::cli::json::{self, Object};
use crate::cli::remote::{self, Remote};
use crate::cli::user_argument::UserArgument;
use crate::cli::verb::Verb;
use crate::cli::{Failure, print};
use crate::pb::auth::v1::{DeleteUserRequest, User};

pub(super) const VERB: Verb = Verb { command, run };

fn command() -> Command {
    let yes = Arg::new("yes")
        .long("yes")
        .action(ArgAction::SetTrue)
        .help("Do not ask whether it is meant; needed where standard input is not a terminal");
    Command::new("delete")
        .about(
            "Delete a user for good: its sessions end, its id is never used again, its name not for 90 days",
        )
        .arg(UserArgument::argument())
        .arg(yes)
        .args(remote::arguments())
}

fn run(mut given: Given) -> Result<(), Failure> {
    let (json, meant) = (given.flag("json"), given.flag("yes"));
    let whom = UserArgument::read(&mut given, "USER");
    let remote = Remote::read(&mut given);
    if !meant && !io::stdin().is_terminal() {
        given.problems.add("--yes", "is needed where nobody can be asked: standard input is not a terminal");
    }
    let (remote, whom) = given.problems.none_or(remote.zip(whom))?;
    let user_id = if meant {
        remote.call(async |server| whom.id(server).await)?
    } else {
        // Asked between two connections: people take their time, and a server drops those who are silent.
        confirmed(remote.call(async |server| whom.user(server).await)?)?
    };
    let request = DeleteUserRequest { user_id: user_id.clone(), ..Default::default() };
    remote.call(async |server| server.answer(server.auth().delete_user(request).await))?;
    print(&if json {
        json::render(&Object::default().into())
    } else {
        format!("deleted {}", escape(&user_id))
    });
    Ok(())
}

/// The id of the user, once somebody has said that this one is meant.
fn confirmed(user: User) -> Result<String, Failure> {
    let question =
        format!("Delete {} ({}) for good? Type yes: ", escape(&user.username), escape(&user.user_id));
    let mut error = io::stderr();
    error.write_all(question.as_bytes()).and_then(|()| error.flush()).map_err(Failure::refused)?;
    let mut answer = String::new();
    io::stdin().lock().take(1024).read_line(&mut answer).map_err(Failure::refused)?;
    if answer.trim() == "yes" { Ok(user.user_id) } else { Err(Failure::refused("nothing was deleted")) }
}
