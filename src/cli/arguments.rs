//! Taking the command line apart. Unknown flags do not hide what else is wrong.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};

use clap::ArgMatches;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::Failure;
use super::commands::command;
use super::given::Given;
use crate::config::Problems;

/// A command line that was understood.
pub(super) enum Parsed {
    /// Help or version: text to show.
    Shown(String),
    /// A command, and what it is given.
    Given(Given),
}

/// Takes the command line apart.
pub(super) fn parse(
    arguments: Vec<OsString>,
    variables: BTreeMap<String, String>,
) -> Result<Parsed, Failure> {
    let mut problems = Problems::default();
    match matches(arguments, &mut problems) {
        Ok(matches) => Ok(Parsed::Given(Given { matches, variables, whole: command, problems })),
        Err(error) if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {
            Ok(Parsed::Shown(error.to_string()))
        }
        Err(error) => Err(Failure::WrongUse(all_that_is_wrong(&problems, &error))),
    }
}

fn all_that_is_wrong(problems: &Problems, error: &clap::Error) -> String {
    let error = error.to_string();
    let error = error.trim_start_matches("error: ");
    if problems.is_empty() { error.to_owned() } else { format!("{problems}\n{error}") }
}

/// clap stops at the first flag that it does not know. Each is noted and taken out, so that the person sees all that is
/// wrong at once.
fn matches(mut arguments: Vec<OsString>, problems: &mut Problems) -> Result<ArgMatches, clap::Error> {
    // Where an argument stands that may be the value of a flag which there is not.
    let mut orphan: Option<usize> = None;
    loop {
        let error = match command().try_get_matches_from(&arguments) {
            Ok(matches) => return Ok(matches),
            Err(error) => error,
        };
        if let Some(position) = orphan.take()
            && refuses(&error, &arguments[position])
        {
            // Nothing about it is said: the flag is noted, and the value may be a secret.
            arguments.remove(position);
            continue;
        }
        let Some(flag) = unknown_flag(&error) else { return Err(error) };
        let is_it = |argument: &OsString| {
            argument.to_str().is_some_and(|text| text == flag || text.starts_with(&format!("{flag}=")))
        };
        let Some(position) = arguments.iter().skip(1).position(is_it) else { return Err(error) };
        problems.add(&flag, "there is no such flag");
        let removed = arguments.remove(position + 1);
        let follows = arguments.get(position + 1).and_then(|next| next.to_str());
        if removed == *flag && follows.is_some_and(|next| !next.starts_with('-')) {
            orphan = Some(position + 1);
        }
    }
}

fn unknown_flag(error: &clap::Error) -> Option<String> {
    match (error.kind(), error.get(ContextKind::InvalidArg)) {
        (ErrorKind::UnknownArgument, Some(ContextValue::String(flag))) if flag.starts_with('-') => {
            Some(flag.clone())
        }
        _ => None,
    }
}

/// Whether clap stopped because nothing takes this argument.
fn refuses(error: &clap::Error, argument: &OsStr) -> bool {
    let context = match error.kind() {
        ErrorKind::UnknownArgument => error.get(ContextKind::InvalidArg),
        ErrorKind::InvalidSubcommand => error.get(ContextKind::InvalidSubcommand),
        _ => None,
    };
    matches!(context, Some(ContextValue::String(text)) if argument == text.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(arguments: &[&str]) -> String {
        let arguments = [&["countersign"], arguments].concat().into_iter().map(OsString::from).collect();
        match parse(arguments, BTreeMap::new()) {
            Err(Failure::WrongUse(said)) => said,
            Err(Failure::Refused(said)) => panic!("{said}"),
            Ok(Parsed::Shown(text)) => panic!("{text}"),
            Ok(Parsed::Given(given)) => given.problems.to_string(),
        }
    }

    #[test]
    fn every_unknown_flag_is_named_and_no_value_of_one() {
        let said = wrong(&["user", "list", "--tokn", "hunter2", "--passwrd=hunter2", "--frob"]);
        for flag in ["--tokn", "--passwrd", "--frob"] {
            assert!(said.contains(&format!("{flag}: there is no such flag")), "{said}");
        }
        assert!(!said.contains("hunter2"), "{said}");
        let said = wrong(&["--tokn", "hunter2", "--log-level=loud"]);
        assert!(said.contains("--tokn:") && !said.contains("hunter2"), "{said}");
    }

    #[test]
    fn an_unknown_flag_hides_neither_a_command_nor_what_else_is_wrong() {
        let said = wrong(&["user", "--frob", "show", "--token", "hunter2"]);
        assert!(said.contains("--frob:") && said.contains("--token:") && !said.contains("hunter2"), "{said}");
        let said = wrong(&["user", "show", "--frob"]);
        assert!(said.contains("--frob:") && said.contains("<USER>"), "{said}");
    }

    #[test]
    fn the_declarations_of_the_commands_agree_with_each_other() {
        command().debug_assert();
    }
}
