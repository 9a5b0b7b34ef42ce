//! `countersign backup`: a copy of the database file, also of one that a service writes to.

use std::path::{self, Path, PathBuf};

use clap::{Arg, Command};

use super::database_command::DatabaseCommand;
use super::given::Given;
use super::verb::Verb;
use super::{Failure, print, setting_flags};
use crate::config::{DatabaseCommandConfig, Scope};
use crate::server::Surroundings;
use crate::store::back_up;

pub(super) const VERB: Verb = Verb { command, run };

fn command() -> Command {
    Command::new("backup")
        .about("Copy the database to a new file, beside a running service; for SQLite")
        .arg(file_argument("The new file, which only its owner will be able to read"))
        .args(setting_flags::arguments(Scope::Database))
}

/// The file of a backup.
pub(super) fn file_argument(help: &'static str) -> Arg {
    Arg::new("file").value_name("FILE").required(true).help(help)
}

fn run(given: Given) -> Result<(), Failure> {
    let file = PathBuf::from(given.text("file").unwrap_or_default());
    let command = DatabaseCommand::prepare(given, DatabaseCommandConfig::read, |config| config.log)?;
    let surroundings = Surroundings::system();
    let (number, now) = (draft_number(&surroundings), surroundings.clock.now());
    command
        .runtime
        .block_on(back_up(&command.config.store.url, &file, number, now))
        .map_err(Failure::refused)?;
    print(&format!("{} is a backup of {}", shown(&file), command.config.store.url))
}

/// What makes the name of a draft its own.
pub(super) fn draft_number(surroundings: &Surroundings) -> u64 {
    let mut bytes = [0; 8];
    surroundings.entropy.fill(&mut bytes);
    u64::from_be_bytes(bytes)
}

/// A path as it can be found again from anywhere.
pub(super) fn shown(file: &Path) -> String {
    path::absolute(file).unwrap_or_else(|_| file.to_owned()).display().to_string()
}
