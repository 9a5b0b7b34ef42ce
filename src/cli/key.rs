//! `countersign key list`: the public keys in the database, for whoever verifies tokens without asking.

use clap::Command;
use jiff::Timestamp;
use serde_json::Value;
use tokio::runtime;

use super::given::Given;
use super::json::{self, Object};
use super::table::Table;
use super::verb::{self, Verb};
use super::{Failure, print, setting_flags, time};
use crate::config::{DatabaseCommandConfig, Scope};
use crate::crypto::{KeyState, Ring, RingKey};
use crate::server::Surroundings;
use crate::store::Store;
use crate::telemetry;

pub(super) const VERB: Verb = Verb { command, run: |given| verb::run_below(&VERBS, given) };

const VERBS: [Verb; 1] = [Verb { command: list_command, run: list }];

fn command() -> Command {
    verb::group("key", "Work on signing keys", &VERBS)
}

fn list_command() -> Command {
    Command::new("list")
        .about("Show the public keys in the database itself, for whoever verifies tokens")
        .arg(json::argument())
        .args(setting_flags::arguments(Scope::Database))
}

fn list(given: Given) -> Result<(), Failure> {
    let json = given.flag("json");
    let (sources, mut problems) = given.sources();
    let values = sources.resolve(&mut problems);
    let config = DatabaseCommandConfig::read(&values, &mut problems);
    let config = problems.none_or(config)?;
    let _log = telemetry::start(config.log);
    let runtime = runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::refused)?;
    let keys = runtime.block_on(read(config))?;
    print(&if json { as_json(&keys) } else { as_table(&keys) });
    Ok(())
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

fn as_json(keys: &[RingKey]) -> String {
    json::render(&Object::default().list("keys", keys.iter().map(to_json)).into())
}

/// Names and forms are those that proto3's JSON would give the key, so that a program reads both alike.
fn to_json(key: &RingKey) -> Value {
    let time = |time: crate::domain::Timestamp| Timestamp::from_millisecond(time.as_millis()).ok();
    Object::default()
        .text("key", &key.key.to_paserk())
        .text("keyId", &key.key.id().to_string())
        .text("state", &format!("KEY_STATE_{}", state(key)))
        .time("signFrom", time(key.sign_from))
        .time("signUntil", key.sign_until.and_then(time))
        .time("verifyUntil", key.verify_until.and_then(time))
        .into()
}

fn as_table(keys: &[RingKey]) -> String {
    let row = |key: &RingKey| {
        let from = Timestamp::from_millisecond(key.sign_from.as_millis()).ok();
        [
            state(key).to_owned(),
            time::to_second(from),
            key.key.id().to_string(),
            key.key.to_paserk().to_string(),
        ]
    };
    Table::new(["STATE", "SIGNS FROM", "KEY ID", "KEY"], keys.iter().map(row)).to_string()
}

fn state(key: &RingKey) -> &'static str {
    match key.state {
        KeyState::Next => "NEXT",
        KeyState::Active => "ACTIVE",
        KeyState::Retired => "RETIRED",
    }
}
