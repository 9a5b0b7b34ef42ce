//! What a command is given: its own part of the command line, the environment, and what was wrong before it was asked.

use std::collections::BTreeMap;

use clap::{ArgMatches, Command};

use super::setting_flags;
use crate::config::{Problems, Sources};

/// Everything that a command reads its wishes from.
pub(super) struct Given {
    /// Its own part of the command line.
    pub(super) matches: ArgMatches,
    /// The environment: names and values.
    pub(super) variables: BTreeMap<String, String>,
    /// The whole command line, as it may be typed.
    pub(super) whole: fn() -> Command,
    /// What was wrong already. The command adds what else is, so that all of it is said at once.
    pub(super) problems: Problems,
}

impl Given {
    /// The name of the command below this one, and what that is given; `None` if there is none.
    pub(super) fn below(mut self) -> Option<(String, Self)> {
        let (name, matches) = self.matches.remove_subcommand()?;
        Some((name, Self { matches, ..self }))
    }

    /// The value of an argument.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.matches.get_one::<String>(name).cloned()
    }

    /// All values of an argument that may be repeated.
    pub(super) fn texts(&self, name: &str) -> Vec<String> {
        self.matches.get_many::<String>(name).into_iter().flatten().cloned().collect()
    }

    /// Whether a switch was given.
    pub(super) fn flag(&self, name: &str) -> bool {
        self.matches.get_flag(name)
    }

    /// What settings are read from, for commands that take settings.
    pub(super) fn sources(self) -> (Sources, Problems) {
        let flags = setting_flags::read(&self.matches);
        (Sources { flags, variables: self.variables }, self.problems)
    }
}
