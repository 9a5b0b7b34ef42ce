//! `countersign key list`: the public keys in the database, for whoever verifies tokens without asking.

use clap::Command;

use super::shown::{self, Shown};
use crate::cli::database_command::DatabaseCommand;
use crate::cli::given::Given;
use crate::cli::verb::Verb;
use crate::cli::{Failure, json, print, setting_flags};
use crate::config::{DatabaseCommandConfig, Scope};
use crate::crypto::{Ring, RingKey};
use crate::server::Surroundings;
use crate::store::Store;

pub(super) const VERB: Verb = Verb { command, run };

fn command() -> Command {
    Command::new("list")
        .about("Show the public keys in the database itself, for whoever verifies tokens")
        .arg(json::argument())
        .args(setting_flags::arguments(Scope::Database))
}

fn run(given: Given) -> Result<(), Failure> {
    let json = given.flag("json");
    let command = DatabaseCommand::prepare(given, DatabaseCommandConfig::read, |config| config.log)?;
    let keys = command.runtime.block_on(read(command.config))?;
    let now = Surroundings::system().clock.now();
    let keys: Vec<Shown> = keys.iter().map(|key| Shown::of_ring(key, now)).collect();
    print(&shown::keys(&keys, json))
}

async fn read(config: DatabaseCommandConfig) -> Result<Vec<RingKey>, Failure> {
    // Opening would make the file: a list of no keys, from a mistyped path.
    if config.store.url.file().is_some_and(|file| !file.exists()) {
        return Err(Failure::refused(format!("there is no database {}", config.store.url)));
    }
    let store =
        Store::open(&config.store, Surroundings::system().clock.now()).await.map_err(Failure::refused)?;
    let stored = store.lookup_ring().await.map_err(Failure::refused);
    store.close().await.map_err(Failure::refused)?;
    let stored = stored?.ok_or_else(|| Failure::refused("there are no keys yet: start the service once"))?;
    Ok(Ring::parse(&stored.document).map_err(Failure::refused)?.keys().to_vec())
}
