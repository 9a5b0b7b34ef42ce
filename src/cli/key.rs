//! `countersign key list`: the public keys in the database, for whoever verifies tokens without asking.

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use tokio::runtime;

use super::{Failure, print};
use crate::config::{DatabaseCommandConfig, Problems, Sources};
use crate::crypto::{KeyState, Ring, RingKey};
use crate::server::Surroundings;
use crate::store::Store;
use crate::telemetry;

pub(super) fn list(sources: Sources, mut problems: Problems, json: bool) -> Result<(), Failure> {
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
    let keys: Vec<Value> = keys.iter().map(to_json).collect();
    format!("{:#}", json!({ "keys": keys }))
}

/// Names and forms are those that proto3's JSON would give the key, so that a program reads both alike.
fn to_json(key: &RingKey) -> Value {
    let mut object = Map::new();
    object.insert("key".to_owned(), key.key.to_paserk().into());
    object.insert("keyId".to_owned(), key.key.id().to_string().into());
    object.insert("state".to_owned(), format!("KEY_STATE_{}", state(key)).into());
    let times =
        [("signFrom", Some(key.sign_from)), ("signUntil", key.sign_until), ("verifyUntil", key.verify_until)];
    for (name, time) in times {
        if let Some(time) = time {
            object.insert(name.to_owned(), rfc3339(time.as_millis()).into());
        }
    }
    Value::Object(object)
}

fn as_table(keys: &[RingKey]) -> String {
    let mut lines = vec![format!("{:<9} {:<25} {:<52} {}", "STATE", "SIGNS FROM", "KEY ID", "KEY")];
    for key in keys {
        let from = rfc3339(key.sign_from.as_millis());
        lines.push(format!("{:<9} {from:<25} {:<52} {}", state(key), key.key.id(), key.key.to_paserk()));
    }
    lines.join("\n")
}

fn state(key: &RingKey) -> &'static str {
    match key.state {
        KeyState::Next => "NEXT",
        KeyState::Active => "ACTIVE",
        KeyState::Retired => "RETIRED",
    }
}

fn rfc3339(millis: i64) -> String {
    Timestamp::from_millisecond(millis).map_or_else(|_| millis.to_string(), |time| time.to_string())
}
