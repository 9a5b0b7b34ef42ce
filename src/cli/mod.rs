//! The commands. Each is a file that declares its arguments and reads them; here its exit code is made: 0, 1 refused,
//! 2 wrong use.

mod access_token;
mod arguments;
mod backup;
mod check;
mod commands;
mod completions;
mod confirm;
mod database_command;
mod distrust;
mod escape;
mod event;
mod fence;
mod given;
mod healthcheck;
mod json;
mod key;
mod master_key;
mod migrate;
mod output;
mod pages;
mod password;
mod refusal;
mod remote;
mod restore;
mod serve;
mod server_address;
mod server_tls;
mod session;
mod setting_flags;
mod table;
mod time;
mod token;
mod user;
mod user_argument;
mod verb;
mod verifier;
mod verifier_wait;

use std::ffi::OsString;
use std::fmt;
use std::process::ExitCode;

use self::output::{note, print};
use crate::config::Problems;

/// Why a command ends without success.
#[derive(Debug)]
enum Failure {
    /// It was understood and could not be carried out.
    Refused(String),
    /// It was not understood.
    WrongUse(String),
}

impl Failure {
    fn refused(reason: impl fmt::Display) -> Self {
        Self::Refused(reason.to_string())
    }
}

impl From<Problems> for Failure {
    fn from(problems: Problems) -> Self {
        Self::WrongUse(problems.to_string())
    }
}

/// Runs the command line `arguments`, the program's name first, in the environment `variables`.
pub fn run(
    arguments: impl IntoIterator<Item = OsString>,
    variables: impl IntoIterator<Item = (String, String)>,
) -> ExitCode {
    let outcome = match arguments::parse(arguments.into_iter().collect(), variables.into_iter().collect()) {
        Ok(arguments::Parsed::Shown(text)) => print(&text),
        Ok(arguments::Parsed::Given(given)) => commands::run(given),
        Err(failure) => Err(failure),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Refused(reason)) => complain(&reason, 1),
        Err(Failure::WrongUse(reason)) => complain(&reason, 2),
    }
}

/// Whoever read standard error may have gone; `eprintln!` would panic then.
fn complain(reason: &str, code: u8) -> ExitCode {
    note(reason);
    ExitCode::from(code)
}
