//! `countersign key rewrap`: wraps all keys in the database by the first master key, so that the others can go.

use clap::Command;
use tokio::runtime;

use crate::auth::rewrap_keys;
use crate::cli::given::Given;
use crate::cli::verb::Verb;
use crate::cli::{Failure, print, setting_flags};
use crate::config::{KeyCommandConfig, Scope};
use crate::server::Surroundings;
use crate::store::Store;
use crate::telemetry;

pub(super) const VERB: Verb = Verb { command, run };

fn command() -> Command {
    Command::new("rewrap")
        .about("Wrap all keys in the database itself by the first of the master keys; the others may go then")
        .args(setting_flags::one("master-key-file"))
        .args(setting_flags::arguments(Scope::Database))
}

fn run(given: Given) -> Result<(), Failure> {
    let (sources, mut problems) = given.sources();
    let values = sources.resolve(&mut problems);
    let config = KeyCommandConfig::read(&values, &mut problems);
    let config = problems.none_or(config)?;
    let _log = telemetry::start(config.log);
    let runtime = runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::refused)?;
    let rewrapped = runtime.block_on(rewrap(config))?;
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
