//! `countersign key rewrap`: wraps all keys in the database by the first master key, so that the others can go.

use clap::Command;

use crate::auth::rewrap_keys;
use crate::cli::database_command::DatabaseCommand;
use crate::cli::given::Given;
use crate::cli::verb::Verb;
use crate::cli::{Failure, print, setting_flags};
use crate::config::{KeyCommandConfig, Scope};
use crate::server::Surroundings;
use crate::store::Store;

pub(super) const VERB: Verb = Verb { command, run };

fn command() -> Command {
    Command::new("rewrap")
        .about("Wrap all keys in the database itself by the first of the master keys; the others may go then")
        .args(setting_flags::one("master-key-file"))
        .args(setting_flags::arguments(Scope::Database))
}

fn run(given: Given) -> Result<(), Failure> {
    let command = DatabaseCommand::prepare(given, KeyCommandConfig::read, |config| config.log)?;
    let rewrapped = command.runtime.block_on(rewrap(command.config))?;
    print(&match rewrapped {
        0 => "every key is wrapped by the first master key already".to_owned(),
        count => format!("{count} keys are wrapped by the first master key now"),
    })
}

async fn rewrap(config: KeyCommandConfig) -> Result<usize, Failure> {
    if config.store.url.file().is_some_and(|file| !file.exists()) {
        return Err(Failure::refused(format!("there is no database {}", config.store.url)));
    }
    let Surroundings { clock, entropy } = Surroundings::system();
    let master_keys = config.master_keys.load(false, &*entropy).map_err(Failure::refused)?;
    let store = Store::open(&config.store, clock.now()).await.map_err(Failure::refused)?;
    let rewrapped = rewrap_keys(&store, &master_keys, &*entropy, clock.now()).await.map_err(Failure::refused);
    store.close().await.map_err(Failure::refused)?;
    rewrapped
}
