//! `countersign fence`: ends everything of before in a database that was put back, so that it may be served.

use clap::Command;
use tokio::runtime;

use super::given::Given;
use super::verb::Verb;
use super::{Failure, confirm, print, setting_flags};
use crate::auth::{KeysError, fence};
use crate::config::{FenceConfig, Scope};
use crate::crypto::KeyMaker;
use crate::domain::{Act, EventId, Origin};
use crate::server::Surroundings;
use crate::store::{Fenced, Maintenance};
use crate::telemetry;

pub(super) const VERB: Verb = Verb { command, run };

fn command() -> Command {
    Command::new("fence")
        .about("End all keys, tokens, sessions and reset codes of a database that was restored, while no service runs on it")
        .arg(confirm::argument())
        .args(FenceConfig::SETTINGS.iter().filter_map(|name| setting_flags::one(name)))
        .args(setting_flags::arguments(Scope::Database))
}

fn run(mut given: Given) -> Result<(), Failure> {
    let confirm = confirm::read(&mut given);
    let (sources, mut problems) = given.sources();
    let values = sources.resolve(&mut problems);
    let config = FenceConfig::read(&values, &mut problems);
    let (config, confirm) = problems.none_or(config.zip(confirm))?;
    let _log = telemetry::start(config.log);
    let database = config.store.url.clone();
    confirm.ask(&format!("Everybody has to sign in again at {database}, and no service may run on it."))?;
    let runtime = runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::refused)?;
    let Fenced { users, sessions, keys } = runtime.block_on(end_everything(config))?;
    print(&format!(
        "fenced {database}: {keys} signing keys were revoked, {sessions} sessions of {users} users ended, and no reset code \
         is left. Passwords, roles and names are those of the copy"
    ))
}

async fn end_everything(config: FenceConfig) -> Result<Fenced, Failure> {
    let Surroundings { clock, entropy } = Surroundings::system();
    let database = Maintenance::open_alone(&config.store).await.map_err(Failure::refused)?;
    let fenced = async {
        let master_keys = config.master_keys.load(false, &*entropy).map_err(Failure::refused)?;
        let master_key = master_keys.first().ok_or(KeysError::NoMasterKey).map_err(Failure::refused)?;
        let maker = KeyMaker { master_key, entropy: &*entropy, schedule: config.schedule };
        let now = clock.now();
        let event_id = EventId::generate(now, &*entropy);
        let act = Act { actor: None, origin: Origin::unknown(), now, event_id };
        fence(&database, &maker, &act).await.map_err(Failure::refused)
    };
    let fenced = fenced.await;
    database.close().await.map_err(Failure::refused)?;
    fenced
}
