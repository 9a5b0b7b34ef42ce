//! `countersign user delete`: deletes a user for good, if whoever asks for it means it, and proves it when it is its own.

use clap::Command;

use crate::cli::confirm;
use crate::cli::escape::escape;
use crate::cli::given::Given;
use crate::cli::json::{self, Object};
use crate::cli::remote::{self, Remote, Server};
use crate::cli::user_argument::UserArgument;
use crate::cli::verb::Verb;
use crate::cli::verifier_wait::{self, Waited};
use crate::cli::{Failure, password, print};
use crate::pb::auth::v1::{DeleteUserRequest, GetUserRequest, User};

pub(super) const VERB: Verb = Verb { command, run };

fn command() -> Command {
    Command::new("delete")
        .about(
            "Delete a user for good: its sessions end, its id is never used again, its name not for 90 days. \
             Whoever deletes itself is asked for its password, or with --yes it is read from standard input",
        )
        .arg(UserArgument::argument())
        .args([confirm::argument(), verifier_wait::argument()])
        .args(remote::arguments())
}

fn run(mut given: Given) -> Result<(), Failure> {
    let json = given.flag("json");
    let whom = UserArgument::read(&mut given, "USER");
    let sure = confirm::read(&mut given);
    let wait = verifier_wait::read(&mut given);
    let remote = Remote::read(&mut given);
    let wanted = remote.zip(whom.zip(sure)).zip(wait);
    let ((remote, (whom, sure)), wait_for_verifiers) = given.problems.none_or(wanted)?;
    // Asked between two connections: people take their time, and a server drops those who are silent.
    let (user_id, caller_id) = if sure.is_meant() {
        remote.call(async |server| Ok((whom.id(server).await?, caller(server).await?.user_id)))?
    } else {
        let (user, caller) =
            remote.call(async |server| Ok((whom.user(server).await?, caller(server).await?)))?;
        sure.ask(&format!("Delete {} ({}) for good?", escape(&user.username), escape(&user.user_id)))?;
        (user.user_id, caller.user_id)
    };
    let current_password =
        if user_id == caller_id { password::ask_own()?.to_string() } else { String::new() };
    let request = DeleteUserRequest { user_id: user_id.clone(), current_password, wait_for_verifiers };
    let answer = remote.call(async |server| server.answer(server.auth().delete_user(request).await))?;
    let waited = Waited::of(wait_for_verifiers, answer.verifiers_pending, answer.pending_verifiers);
    print(&if json {
        json::render(&waited.add_to(Object::default()).into())
    } else {
        format!("deleted {}", escape(&user_id))
    })?;
    waited.check()
}

/// Whoever holds the token.
async fn caller(server: &Server<'_>) -> Result<User, Failure> {
    let request = GetUserRequest { user_id: "me".to_owned() };
    server.promised(server.answer(server.auth().get_user(request).await)?.user)
}
