//! `countersign migrate`: brings the schema of the database up to date, or shows what that would run.

use std::fmt::Write as _;

use clap::{Arg, ArgAction, Command};

use super::database_command::DatabaseCommand;
use super::given::Given;
use super::verb::Verb;
use super::{Failure, print, setting_flags};
use crate::config::{DatabaseCommandConfig, Scope};
use crate::server::Surroundings;
use crate::store::{Maintenance, PlannedChange, StoreConfig, plan};

pub(super) const VERB: Verb = Verb { command, run };

fn command() -> Command {
    Command::new("migrate")
        .about("Bring the schema of the database up to date, as every start of the service does, and exit")
        .arg(
            Arg::new("plan")
                .long("plan")
                .action(ArgAction::SetTrue)
                .help("Print the SQL that would run, and change nothing"),
        )
        .args(setting_flags::arguments(Scope::Database))
}

fn run(given: Given) -> Result<(), Failure> {
    let only_plan = given.flag("plan");
    let command = DatabaseCommand::prepare(given, DatabaseCommandConfig::read, |config| config.log)?;
    let now = Surroundings::system().clock.now();
    if only_plan {
        let changes = command.runtime.block_on(plan(&command.config.store, now)).map_err(Failure::refused)?;
        return print(&script(&changes));
    }
    let made = command.runtime.block_on(migrate(&command.config.store))?;
    print(&match made.as_slice() {
        [] => format!("nothing to do: the schema of {} is up to date", command.config.store.url),
        made => format!("made in {}: {}", command.config.store.url, made.join(", ")),
    })
}

async fn migrate(config: &StoreConfig) -> Result<Vec<String>, Failure> {
    let database = Maintenance::open_to_migrate(config).await.map_err(Failure::refused)?;
    let made = database.migrate(Surroundings::system().clock.now()).await.map_err(Failure::refused);
    database.close().await.map_err(Failure::refused)?;
    made
}

/// The plan as a script for the database's own client.
fn script(changes: &[PlannedChange]) -> String {
    let mut script = String::new();
    for change in changes {
        let (begin, commit) = if change.is_transaction { ("BEGIN;\n", "COMMIT;\n") } else { ("", "") };
        let _never_fails =
            writeln!(script, "-- {}\n{begin}{};\n{commit}", change.name, change.statements.join(";\n"));
    }
    if script.is_empty() { "-- nothing to do: the schema is up to date".to_owned() } else { script }
}
