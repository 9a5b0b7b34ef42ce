//! The list of commands. Each is declared in its own file.

use clap::Command;

use super::verb::{Verb, run_below};
use super::{
    Failure, backup, check, completions, event, fence, given::Given, healthcheck, key, master_key, migrate,
    restore, serve, session, setting_flags, token, user, verifier,
};
use crate::config::Scope;

/// Every command, in the order of the help.
const COMMANDS: [Verb; 15] = [
    serve::VERB,
    user::VERB,
    session::VERB,
    event::VERB,
    token::VERB,
    key::VERB,
    verifier::VERB,
    check::VERB,
    migrate::VERB,
    backup::VERB,
    restore::VERB,
    fence::VERB,
    master_key::VERB,
    healthcheck::VERB,
    completions::VERB,
];

/// The whole command line.
pub(super) fn command() -> Command {
    Command::new("countersign")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Authentication for microservices: gRPC, and tokens that verify offline")
        .after_help(
            "A SPAN is a whole number and a unit: 600s, 10m, 1h, 30d. Settings go after the command.\n\n\
             Every setting is also a variable (COUNTERSIGN_LISTEN for --listen) and a key in the file that --config names \
             (listen). A flag wins over its variable, the variable over the file, the file over the default.\n\n\
             Commands with --server ask a running server; they take it from COUNTERSIGN_SERVER too, and an admin's token \
             from COUNTERSIGN_TOKEN.",
        )
        .args(setting_flags::arguments(Scope::Service))
        .args_conflicts_with_subcommands(true)
        .subcommands(COMMANDS.iter().map(|verb| (verb.command)()))
}

/// Runs the command that was given; without one, the service.
pub(super) fn run(given: Given) -> Result<(), Failure> {
    if given.matches.subcommand_name().is_none() { serve::run(given) } else { run_below(&COMMANDS, given) }
}
