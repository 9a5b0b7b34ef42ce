//! `countersign user reset-code`: makes a code with which a user sets a new password.

use clap::Command;

use crate::cli::given::Given;
use crate::cli::json::{self, Object};
use crate::cli::remote::{self, Remote};
use crate::cli::table::Table;
use crate::cli::time::{moment, to_second};
use crate::cli::user_argument::UserArgument;
use crate::cli::verb::Verb;
use crate::cli::{Failure, print};
use crate::pb::auth::v1::{CreateResetCodeRequest, CreateResetCodeResponse};

pub(super) const VERB: Verb = Verb { command, run };

fn command() -> Command {
    Command::new("reset-code")
        .about("Make a code with which a user sets a new password, once; it is shown this one time")
        .arg(UserArgument::argument())
        .args(remote::arguments())
}

fn run(mut given: Given) -> Result<(), Failure> {
    let json = given.flag("json");
    let whom = UserArgument::read(&mut given, "USER");
    let remote = Remote::read(&mut given);
    let (remote, whom) = given.problems.none_or(remote.zip(whom))?;
    let code = remote.call(async |server| {
        let request = CreateResetCodeRequest { user_id: whom.id(server).await? };
        server.answer(server.admin().create_reset_code(request).await)
    })?;
    print(&shown(&code, json))
}

fn shown(code: &CreateResetCodeResponse, json: bool) -> String {
    let expires = moment(code.expire_time.as_ref());
    if json {
        let object = Object::default().text("resetCode", &code.reset_code).time("expireTime", expires);
        return json::render(&object.into());
    }
    Table::new(["RESET CODE", "EXPIRES"], [[code.reset_code.clone(), to_second(expires)]]).to_string()
}
