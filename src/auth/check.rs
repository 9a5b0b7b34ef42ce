//! Checking a database: what the store finds in the tables, and what is in the keys.

use countersign_verify::KeyId;

use super::KeysError;
use super::keys::unwrap;
use crate::crypto::{MasterKey, Ring, RingError, is_readable_hash};
use crate::domain::Timestamp;
use crate::store::{Findings, Maintenance, OpenError, Pass, StoreError, StoredRing, StoredServerKey};

/// What was looked at, and what does not fit.
#[derive(Debug, Default)]
pub struct Checked {
    /// By name, in the order of looking: how many rows.
    pub counts: Vec<(&'static str, u64)>,
    /// What does not fit.
    pub findings: Findings,
}

/// Checks a database as it is at one moment, about `now`. What is wrapped is unwrapped if there are `master_keys`.
pub async fn check(
    database: &Maintenance,
    master_keys: Option<&[MasterKey]>,
    now: Timestamp,
) -> Result<Checked, OpenError> {
    let pass = database.begin_check().await?;
    let checked = look_at_everything(&pass, master_keys, now).await;
    pass.end().await?;
    Ok(checked?)
}

async fn look_at_everything(
    pass: &Pass,
    master_keys: Option<&[MasterKey]>,
    now: Timestamp,
) -> Result<Checked, StoreError> {
    let mut findings = Findings::default();
    let changes = pass.check_schema_notes(&mut findings).await?;
    let users = pass.check_users(&mut findings, is_readable_hash).await?;
    let (ring, server_key) = pass.read_keys(&mut findings).await?;
    let ring = look_at_ring(ring, server_key.is_some(), master_keys, &mut findings);
    look_at_server_key(server_key, ring.is_some(), master_keys, &mut findings);
    let keys = ring.as_ref().map_or(&[][..], Ring::keys);
    let oldest_key = keys.iter().map(|key| key.published).min();
    let key_ids: Vec<KeyId> = keys.iter().map(|key| key.key.id().clone()).collect();
    let sessions = pass.check_sessions(&mut findings, oldest_key, now).await?;
    let revocations = pass.check_revocations(&mut findings, &key_ids).await?;
    let reset_codes = pass.check_reset_codes(&mut findings).await?;
    let events = pass.check_events(&mut findings).await?;
    let counts = vec![
        ("users", users),
        ("sessions", sessions),
        ("revocations", revocations),
        ("reset codes", reset_codes),
        ("security events", events),
        ("signing keys", u64::try_from(keys.len()).unwrap_or(u64::MAX)),
        ("changes of the schema", changes),
    ];
    Ok(Checked { counts, findings })
}

/// The ring, if it can be read.
fn look_at_ring(
    stored: Option<StoredRing>,
    there_is_a_server_key: bool,
    master_keys: Option<&[MasterKey]>,
    findings: &mut Findings,
) -> Option<Ring> {
    let Some(stored) = stored else {
        // Before the first start of a service there are neither.
        if there_is_a_server_key {
            findings.of_ring("is missing, and the server key is there");
        }
        return None;
    };
    let Ok(ring) = Ring::parse(&stored.document) else {
        findings.of_ring("is not a ring of signing keys");
        return None;
    };
    match master_keys.map(|master_keys| ring.clone().open(master_keys)) {
        Some(Err(RingError::MasterKeyMissing { .. })) => {
            findings.of_ring("holds a key that is wrapped by a master key which was not given");
        }
        Some(Err(_)) => findings.of_ring("holds a key that does not unwrap, or is not the published one"),
        Some(Ok(_)) | None => {}
    }
    Some(ring)
}

fn look_at_server_key(
    stored: Option<StoredServerKey>,
    there_is_a_ring: bool,
    master_keys: Option<&[MasterKey]>,
    findings: &mut Findings,
) {
    match (stored, master_keys) {
        (None, _) if there_is_a_ring => findings.of_server_key("id", "is missing, and the ring is there"),
        (None, _) | (Some(_), None) => {}
        (Some(stored), Some(master_keys)) => match unwrap(&stored, master_keys) {
            Ok(_) => {}
            Err(KeysError::MasterKeyMissing(_)) => {
                findings.of_server_key("wrapped_by", "names a master key that was not given");
            }
            Err(_) => findings.of_server_key("wrapped_key", "does not unwrap"),
        },
    }
}
