//! `countersign restore`: puts a backup in the place of the database file.

use std::path::PathBuf;

use clap::{Arg, ArgAction, Command};

use super::backup::{draft_number, file_argument, shown};
use super::database_command::DatabaseCommand;
use super::given::Given;
use super::verb::Verb;
use super::{Failure, note, print, setting_flags};
use crate::config::{DatabaseCommandConfig, Scope};
use crate::server::Surroundings;
use crate::store::restore;

pub(super) const VERB: Verb = Verb { command, run };

fn command() -> Command {
    Command::new("restore")
        .about("Put a backup in the place of the database, while no service runs on it; for SQLite")
        .arg(file_argument("The backup, or any other copy of a database of Countersign; it stays as it is"))
        .arg(
            Arg::new("replace")
                .long("replace")
                .action(ArgAction::SetTrue)
                .help("Replace the database that is there, which is kept beside under another name"),
        )
        .args(setting_flags::arguments(Scope::Database))
}

fn run(given: Given) -> Result<(), Failure> {
    let file = PathBuf::from(given.text("file").unwrap_or_default());
    let replace = given.flag("replace");
    let command = DatabaseCommand::prepare(given, DatabaseCommandConfig::read, |config| config.log)?;
    let surroundings = Surroundings::system();
    let (number, now) = (draft_number(&surroundings), surroundings.clock.now());
    let restored = command.runtime.block_on(restore(&command.config.store.url, &file, replace, number, now));
    if let Some(kept) = restored.map_err(Failure::refused)? {
        note(&format!("the database of before is {}", shown(&kept)));
    }
    print(&format!(
        "{} is what {} was; run `countersign fence` now: no service starts before that",
        command.config.store.url,
        shown(&file)
    ))
}
