//! `countersign user set-roles`: gives a user exactly the roles that are named.

use clap::{Arg, ArgAction, Command};

use super::shown;
use crate::cli::given::Given;
use crate::cli::remote::{self, Remote};
use crate::cli::user_argument::UserArgument;
use crate::cli::verb::Verb;
use crate::cli::verifier_wait::{self, Waited};
use crate::cli::{Failure, print};
use crate::domain::Roles;
use crate::pb::auth::v1::SetRolesRequest;

pub(super) const VERB: Verb = Verb { command, run };

fn command() -> Command {
    let roles = Arg::new("roles")
        .value_name("ROLE")
        .num_args(0..)
        .value_delimiter(',')
        .help("All roles that the user shall have, with commas or spaces between them");
    let none = Arg::new("none").long("none").action(ArgAction::SetTrue).help("Take all roles away");
    Command::new("set-roles")
        .about("Give a user exactly these roles; its access tokens of before are refused, its sessions go on")
        .arg(UserArgument::argument())
        .args([roles, none, verifier_wait::argument()])
        .args(remote::arguments())
}

fn run(mut given: Given) -> Result<(), Failure> {
    let json = given.flag("json");
    let whom = UserArgument::read(&mut given, "USER");
    let roles = read_roles(&mut given);
    let wait = verifier_wait::read(&mut given);
    let remote = Remote::read(&mut given);
    let wanted = remote.zip(whom.zip(roles)).zip(wait);
    let ((remote, (whom, roles)), wait_for_verifiers) = given.problems.none_or(wanted)?;
    let (user, answer) = remote.call(async |server| {
        let roles = roles.iter().map(str::to_owned).collect();
        let request = SetRolesRequest { user_id: whom.id(server).await?, roles, wait_for_verifiers };
        let mut answer = server.answer(server.admin().set_roles(request).await)?;
        Ok((server.promised(answer.user.take())?, answer))
    })?;
    let waited = Waited::of(wait_for_verifiers, answer.verifiers_pending, answer.pending_verifiers);
    print(&shown::changed_user(&user, &waited, json))?;
    waited.check()
}

/// A forgotten argument must not take a user's roles away, so that no roles at all have a switch of their own.
fn read_roles(given: &mut Given) -> Option<Roles> {
    let texts = given.texts("roles");
    if texts.is_empty() != given.flag("none") {
        given.problems.add("ROLE", "name the roles, or give --none instead to take all away");
    }
    let roles = Roles::parse(texts.iter().map(String::as_str));
    roles.map_err(|error| given.problems.add("ROLE", error)).ok()
}
