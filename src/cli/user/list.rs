//! `countersign user list` and `user show`: who there is.

use clap::Command;

use super::shown;
use crate::cli::given::Given;
use crate::cli::pages::{self, Page};
use crate::cli::remote::{self, Remote, Server};
use crate::cli::user_argument::UserArgument;
use crate::cli::verb::Verb;
use crate::cli::{Failure, print};
use crate::pb::auth::v1::{ListUsersRequest, User};

pub(super) const LIST: Verb = Verb { command: list_command, run: list };
pub(super) const SHOW: Verb = Verb { command: show_command, run: show };

fn list_command() -> Command {
    Command::new("list")
        .about("List the users of a running server, the oldest first")
        .arg(pages::argument("How many at most [default: all]"))
        .args(remote::arguments())
}

fn show_command() -> Command {
    Command::new("show")
        .about("Show a user of a running server")
        .arg(UserArgument::argument())
        .args(remote::arguments())
}

fn list(mut given: Given) -> Result<(), Failure> {
    let json = given.flag("json");
    let limit = pages::limit(&mut given, usize::MAX);
    let remote = Remote::read(&mut given);
    let (remote, limit) = given.problems.none_or(remote.zip(limit))?;
    let users = remote.call(async |server| {
        pages::follow(limit, async |size, next| fetch(server, size, next).await).await
    })?;
    print(&shown::users(&users, json))
}

async fn fetch(server: &Server<'_>, page_size: i32, page_token: String) -> Result<Page<User>, Failure> {
    let request = ListUsersRequest { page_size, page_token, username: String::new() };
    let answer = server.answer(server.admin().list_users(request).await)?;
    Ok(Page { items: answer.users, next: answer.next_page_token })
}

fn show(mut given: Given) -> Result<(), Failure> {
    let json = given.flag("json");
    let whom = UserArgument::read(&mut given, "USER");
    let remote = Remote::read(&mut given);
    let (remote, whom) = given.problems.none_or(remote.zip(whom))?;
    let user = remote.call(async |server| whom.user(server).await)?;
    print(&shown::user(&user, json))
}
