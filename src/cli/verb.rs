//! A command as a value: how it is typed, and what it does. The lists of commands are made of these.

use clap::Command;

use super::Failure;
use super::given::Given;

/// A command.
#[derive(Clone, Copy)]
pub(super) struct Verb {
    /// How it is typed.
    pub(super) command: fn() -> Command,
    /// What it does.
    pub(super) run: fn(Given) -> Result<(), Failure>,
}

/// A command that only has others below it.
pub(super) fn group(name: &'static str, about: &'static str, verbs: &[Verb]) -> Command {
    let command = Command::new(name).about(about).subcommand_required(true);
    command.subcommands(verbs.iter().map(|verb| (verb.command)()))
}

/// Runs the one of `verbs` that the command line names.
pub(super) fn run_below(verbs: &[Verb], given: Given) -> Result<(), Failure> {
    let missing = || Failure::WrongUse("a command is missing; --help lists them".to_owned());
    let (name, given) = given.below().ok_or_else(missing)?;
    let verb = verbs.iter().find(|verb| (verb.command)().get_name() == name).ok_or_else(missing)?;
    (verb.run)(given)
}
