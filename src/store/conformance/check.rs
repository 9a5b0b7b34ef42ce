//! What a check finds, and that it finds nothing where nothing is.

use countersign_verify::KeyId;
use sea_orm::DbBackend;

use super::{
    LIMITS, TestDatabase, act, at, new_session, password, session_id, tamper, token_hash, user, with_alice,
};
use crate::domain::{EventId, EventKind, SecurityEvent, StoredPassword};
use crate::store::{Findings, Maintenance, OpenError, Store, Whose};

const USER: &str = "00000000-0000-0000-0000-000000000001";
const OPEN: &str = "00000000-0000-0000-0000-00000000000a";
const ENDED: &str = "00000000-0000-0000-0000-00000000000b";
const KEY: &str = "k4.pid.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
/// Thirty-two bytes.
const HASH: &str = "x'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'";

/// Alice with two sessions, one of them ended, a reset code, and an event.
async fn in_use(database: &impl TestDatabase) -> Store {
    let (store, alice) = with_alice(database).await;
    for number in [10, 11] {
        store.open_session(new_session(number, &alice), alice.proof(), &act(1100)).await.unwrap().unwrap();
    }
    store.insert_reset_code(alice.id, token_hash(1, 1), at(9000), &act(1200)).await.unwrap();
    let mine = Whose::Of(alice.id);
    store.revoke_session(session_id(11), mine, LIMITS, &act(2000)).await.unwrap();
    store
}

async fn findings(database: &impl TestDatabase) -> Vec<String> {
    let maintenance = Maintenance::open_to_read(&database.config()).await.unwrap();
    let pass = maintenance.begin_check().await.unwrap();
    let mut findings = Findings::default();
    let is_password = |stored: &StoredPassword| stored.expose_phc().starts_with("$test$");
    pass.check_schema_notes(&mut findings).await.unwrap();
    pass.check_users(&mut findings, is_password).await.unwrap();
    pass.read_keys(&mut findings).await.unwrap();
    pass.check_sessions(&mut findings, Some(at(1000)), at(2500)).await.unwrap();
    pass.check_revocations(&mut findings, &[KeyId::parse(KEY).unwrap()]).await.unwrap();
    pass.check_reset_codes(&mut findings).await.unwrap();
    pass.check_events(&mut findings).await.unwrap();
    pass.end().await.unwrap();
    maintenance.close().await.unwrap();
    let shown = |f: &crate::store::Finding| format!("{} {} {} {}", f.table, f.column, f.row, f.what);
    findings.kept().iter().map(shown).collect()
}

/// Damages, looks, and repairs: what was found begins with `expected`, and nothing shows a value.
async fn expect(database: &impl TestDatabase, store: &Store, damage: &str, repair: &str, expected: &str) {
    tamper(store, damage).await;
    let found = findings(database).await;
    assert!(found.iter().any(|finding| finding.starts_with(expected)), "{damage}: {expected}: {found:#?}");
    assert!(!found.iter().any(|finding| finding.contains("Zebra")), "{found:?}");
    tamper(store, repair).await;
    assert_eq!(findings(database).await, [""; 0], "{repair}");
}

fn backend(store: &Store) -> DbBackend {
    store.readers().get_database_backend()
}

pub(super) async fn a_database_in_use_has_no_findings(database: &impl TestDatabase) {
    let store = in_use(database).await;
    assert_eq!(findings(database).await, [""; 0]);
    store.insert_user(&user(2, "bob"), &password("x"), &act(2100)).await.unwrap();
    store.revoke_all_sessions(user(1, "x").id, LIMITS, &act(2100)).await.unwrap();
    store.delete_user(user(1, "x").id, None, LIMITS, &act(2200)).await.unwrap();
    assert_eq!(findings(database).await, [""; 0]);
}

pub(super) async fn what_is_wrong_with_a_user_is_found(database: &impl TestDatabase) {
    let store = in_use(database).await;
    for (damage, repair, column, what) in [
        ("name_shown = 'Zebra Crossing'", "name_shown = 'Alice'", "name_shown", "cannot be read"),
        ("name_shown = 'Zebra'", "name_shown = 'Alice'", "name_mapped", "is not the mapped form"),
        ("roles = 'admin,Zebra'", "roles = ''", "roles", "cannot be read"),
        ("state = 4", "state = 1", "state", "cannot be read"),
        ("state = 3", "state = 1", "deleted", "is missing"),
        ("deleted = 5", "deleted = NULL", "deleted", "is there"),
        ("epoch = 0", "epoch = 1", "epoch", "is before the first epoch"),
        ("collapses = 5", "collapses = 0", "collapses", "is not a part"),
        ("password_hash = 'Zebra'", "password_hash = '$test$y'", "password_hash", "is not a hash"),
    ] {
        let [damage, repair] = [damage, repair].map(|change| format!("UPDATE users SET {change}"));
        expect(database, &store, &damage, &repair, &format!("users {column} {USER} {what}")).await;
    }
}

pub(super) async fn what_is_wrong_with_a_session_is_found(database: &impl TestDatabase) {
    let store = in_use(database).await;
    let hash = |column: &str| format!("{column} = {HASH}");
    let (spent, salt, retry) = (hash("spent_hash"), hash("salt"), hash("retry_hash"));
    for (damage, repair, column, what) in [
        ("amr = 'Zebra'", "amr = 'pwd'", "amr", "cannot be read"),
        ("peer = 'Zebra'", "peer = NULL", "peer", "cannot be read"),
        ("created = 9001", "created = 1001", "expires", "is before the session was opened"),
        (
            "generation = 0",
            "generation = 1",
            "current_hash",
            "is there, and the session has no refresh token",
        ),
        ("generation = 2", "generation = 1", "spent_hash", "does not fit the generation"),
        ("generation = -1", "generation = 1", "generation", "cannot be read"),
        (&spent, "spent_hash = NULL", "spent_hash", "does not fit the generation"),
        (&salt, "salt = NULL", "salt", "does not belong to a spent token"),
        (&retry, "retry_hash = NULL", "retry_hash", "does not belong to a spent token"),
        ("current_hash = NULL", &hash("current_hash"), "current_hash", "cannot be read"),
    ] {
        let ten = "WHERE id = x'0000000000000000000000000000000a'";
        let [damage, repair] = [damage, repair].map(|change| format!("UPDATE sessions SET {change} {ten}"));
        expect(database, &store, &damage, &repair, &format!("sessions {column} {OPEN} {what}")).await;
    }
    if backend(&store) != DbBackend::MySql {
        // Which knows how long it is.
        let repair = format!("UPDATE sessions SET {}", hash("current_hash"));
        let damaged = format!("sessions current_hash {OPEN} cannot be read");
        expect(database, &store, "UPDATE sessions SET current_hash = x'00ff'", &repair, &damaged).await;
    }
    let disable = "UPDATE users SET state = 2";
    let open = format!("sessions ended {OPEN} is missing, and the user is not active");
    expect(database, &store, disable, "UPDATE users SET state = 1", &open).await;
}

pub(super) async fn what_is_wrong_between_sessions_and_the_log_is_found(database: &impl TestDatabase) {
    let store = in_use(database).await;
    let eleven = "WHERE id = x'0000000000000000000000000000000b'";
    let reopen = format!("UPDATE sessions SET ended = NULL {eleven}");
    let end = format!("UPDATE sessions SET ended = 2000 {eleven}");
    let revoked = format!("sessions ended {ENDED} is missing, and the session is revoked");
    expect(database, &store, &reopen, &end, &revoked).await;
    let alive = format!("sessions ended {ENDED} is there, tokens may be alive");
    let log = |change: &str| format!("UPDATE revocations SET {change}");
    for (damage, repair, expected) in [
        (
            "session_id = x'0000000000000000000000000000000c'",
            "session_id = x'0000000000000000000000000000000b'",
            alive.as_str(),
        ),
        ("kind = 9", "kind = 2", "revocations kind 1 cannot be read"),
        (
            "session_id = NULL",
            "session_id = x'0000000000000000000000000000000b'",
            "revocations session_id 1 cannot",
        ),
        ("sequence = 2", "sequence = 1", "revocations sequence 2 is beyond the trust counter"),
        ("sequence = 0", "sequence = 1", "revocations sequence 0 is before the first number"),
        (
            "kind = 1, below_epoch = 9",
            "kind = 2, below_epoch = NULL",
            "revocations below_epoch 1 is beyond the epoch",
        ),
    ] {
        expect(database, &store, &log(damage), &log(repair), expected).await;
    }
    let used = format!("kind = 2, key_id = '{KEY}'");
    let ring = "revocations key_id 1 is revoked, and in the ring";
    expect(database, &store, &log(&used), &log("key_id = NULL"), ring).await;
    let back = "UPDATE trust_counter SET sequence = 1";
    let counter = "trust_counter sequence 1 is before the beginning";
    expect(database, &store, "UPDATE trust_counter SET sequence = -1", back, counter).await;
    tamper(&store, "DELETE FROM revocations").await;
    assert!(findings(database).await[0].starts_with(&alive));
}

pub(super) async fn what_is_wrong_elsewhere_is_found(database: &impl TestDatabase) {
    let store = in_use(database).await;
    for (damage, repair, expected) in [
        (
            "UPDATE security_events SET kind = 99",
            "UPDATE security_events SET kind = 8",
            "security_events kind 0",
        ),
        (
            "UPDATE security_events SET last_time = 5",
            "UPDATE security_events SET last_time = 1200",
            "security_events last_time 0",
        ),
        (
            "UPDATE security_events SET count = 0",
            "UPDATE security_events SET count = 1",
            "security_events count 0",
        ),
        (
            "UPDATE reset_codes SET user_id = x'00000000000000000000000000000009'",
            "UPDATE reset_codes SET user_id = x'00000000000000000000000000000001'",
            "reset_codes user_id 00000000-0000-0000-0000-000000000009 is no user's",
        ),
        (
            "INSERT INTO key_ring (id, version, document) VALUES (2, 1, 'Zebra')",
            "DELETE FROM key_ring",
            "key_ring id 2 is not 1",
        ),
        (
            "INSERT INTO server_key (id, version, wrapped_key, wrapped_by) VALUES (2, 1, 'Zebra', 'lid')",
            "DELETE FROM server_key",
            "server_key id 2 is not 1",
        ),
        (
            "UPDATE origin SET must_be_fenced = 7",
            "UPDATE origin SET must_be_fenced = 1",
            "origin must_be_fenced 1",
        ),
        (
            "UPDATE schema_migrations SET name = 'Zebra' WHERE number = 2",
            "UPDATE schema_migrations SET name = 'm0002_create_sessions' WHERE number = 2",
            "schema_migrations name 2 is not Countersign's",
        ),
        (
            "UPDATE schema_migrations SET min_reader = 4 WHERE number = 3",
            "UPDATE schema_migrations SET min_reader = 1 WHERE number = 3",
            "schema_migrations min_reader 3 asks",
        ),
        (
            "DELETE FROM schema_migrations WHERE number = 5",
            "INSERT INTO schema_migrations (number, name, min_reader, applied) \
             VALUES (5, 'm0005_add_refresh_to_sessions', 1, 1)",
            "schema_migrations number 5 is missing",
        ),
    ] {
        expect(database, &store, damage, repair, expected).await;
    }
    if backend(&store) != DbBackend::MySql {
        let repair = format!("UPDATE reset_codes SET code_hash = {HASH}");
        let code = format!("reset_codes code_hash {USER} cannot be read");
        expect(database, &store, "UPDATE reset_codes SET code_hash = x'00ff'", &repair, &code).await;
        tamper(&store, "UPDATE trust_counter SET incarnation = x'00ff'").await;
        assert_eq!(findings(database).await, ["trust_counter incarnation 1 cannot be read"]);
    }
}

/// What the tables' own constraints keep away, where somebody has taken them off.
pub(super) async fn what_no_constraint_keeps_away_is_found(database: &impl TestDatabase) {
    let store = in_use(database).await;
    let (off, twice) = match backend(&store) {
        DbBackend::Sqlite => (
            "PRAGMA foreign_keys = OFF; CREATE TABLE u AS SELECT * FROM users; DROP TABLE users; \
             ALTER TABLE u RENAME TO users; CREATE TABLE r AS SELECT * FROM revocations; DROP TABLE revocations; \
             ALTER TABLE r RENAME TO revocations",
            "INSERT INTO users SELECT x'00000000000000000000000000000002', name_mapped, name_shown, password_hash, roles, \
             state, epoch, created, deleted, collapses FROM users",
        ),
        DbBackend::Postgres => (
            "ALTER TABLE sessions DROP CONSTRAINT sessions_user; ALTER TABLE users DROP CONSTRAINT users_name_mapped_key; \
             ALTER TABLE revocations DROP CONSTRAINT revocations_pkey",
            "INSERT INTO users SELECT x'00000000000000000000000000000002', name_mapped, name_shown, password_hash, roles, \
             state, epoch, created, deleted, collapses FROM users",
        ),
        _ => (
            "ALTER TABLE sessions DROP FOREIGN KEY sessions_user; ALTER TABLE users DROP INDEX name_mapped; \
             ALTER TABLE revocations DROP PRIMARY KEY",
            "INSERT INTO users SELECT x'00000000000000000000000000000002', name_mapped, name_shown, password_hash, roles, \
             state, epoch, created, deleted, collapses FROM users",
        ),
    };
    tamper(&store, off).await;
    let repair = "DELETE FROM users WHERE id = x'00000000000000000000000000000002'";
    let name = format!("users name_mapped {USER} belongs to another row too");
    expect(database, &store, twice, repair, &name).await;
    let orphan = "UPDATE sessions SET user_id = x'00000000000000000000000000000009' \
                  WHERE id = x'0000000000000000000000000000000a'";
    let back = "UPDATE sessions SET user_id = x'00000000000000000000000000000001'";
    expect(database, &store, orphan, back, &format!("sessions user_id {OPEN} is no user's")).await;
    tamper(&store, "INSERT INTO revocations SELECT * FROM revocations").await;
    assert_eq!(findings(database).await, ["revocations sequence 1 is another entry's too"]);
}

pub(super) async fn a_check_passes_all_pages_at_one_moment(database: &impl TestDatabase) {
    let store = in_use(database).await;
    let event = |number: u32| SecurityEvent {
        id: EventId::from_uuid(uuid::Uuid::from_u128(u128::from(number) << 64)),
        ..act(1500).event(EventKind::SignInFailed, None)
    };
    let events: Vec<_> = (1..=2500).map(event).collect();
    store.record_counted_events(&events).await.unwrap();
    let maintenance = Maintenance::open_to_read(&database.config()).await.unwrap();
    let pass = maintenance.begin_check().await.unwrap();
    let mut found = Findings::default();
    let is_password = |_: &StoredPassword| true;
    assert_eq!(pass.check_users(&mut found, is_password).await.unwrap(), 1);

    store.insert_user(&user(2, "bob"), &password("x"), &act(2600)).await.unwrap();
    tamper(&store, "UPDATE security_events SET detail = '', kind = 99").await;
    assert_eq!(pass.check_users(&mut found, is_password).await.unwrap(), 1);
    let count = pass.check_events(&mut found).await.unwrap();
    assert!(count > 2500, "{count}");
    assert!(found.kept().is_empty(), "{found:?}");
    pass.end().await.unwrap();

    let pass = maintenance.begin_check().await.unwrap();
    assert_eq!(pass.check_events(&mut found).await.unwrap(), count + 1, "bob is an event");
    // All are wrong now, and a thousand are kept.
    assert_eq!((found.kept().len(), found.more()), (1000, count + 1 - 1000));
    pass.end().await.unwrap();
    maintenance.close().await.unwrap();
}

pub(super) async fn what_has_an_older_schema_is_not_checked(database: &impl TestDatabase) {
    let store = in_use(database).await;
    tamper(&store, "DELETE FROM schema_migrations WHERE number > 9").await;
    let maintenance = Maintenance::open_to_read(&database.config()).await.unwrap();
    let refused = maintenance.begin_check().await.err().unwrap();
    assert!(matches!(refused, OpenError::Older { found: 9, .. }), "{refused}");
}
