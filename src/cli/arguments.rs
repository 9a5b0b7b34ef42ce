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
        Ok(matches) => Ok(Parsed::Given(Given { matches, variables, problems })),
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

    #[test]
    fn the_declarations_of_the_commands_agree_with_each_other() {
        command().debug_assert();
    }
}
