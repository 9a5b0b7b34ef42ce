//! Sessions in such numbers that their end takes longer than a call to a database server may.

use sea_orm::DbBackend;

use super::trust_log::{has_revoked, token};
use super::{LIMITS, TestDatabase, act, count, new_session, session_id, tamper, with_alice};
use crate::domain::{EventKind, User};
use crate::store::{KeyRevocation, Store, StoredServerKey};

const COLUMNS: &str =
    "user_id, amr, auth_time, created, used, expires, tokens_until, generation, current_hash";

/// Alice with 8192 sessions, 10 among them.
async fn with_many_sessions(database: &impl TestDatabase) -> (Store, User) {
    let (store, alice) = with_alice(database).await;
    store.open_session(new_session(10, &alice), alice.proof(), &act(1000)).await.unwrap().unwrap();
    let id = match store.readers().get_database_backend() {
        DbBackend::Postgres => "uuid_send(gen_random_uuid())",
        DbBackend::MySql => "UNHEX(MD5(CONCAT(RAND(), HEX(id))))",
        _ => "randomblob(16)",
    };
    for _doubled in 0..13 {
        let sql = format!("INSERT INTO sessions (id, {COLUMNS}) SELECT {id}, {COLUMNS} FROM sessions");
        tamper(&store, sql).await;
    }
    (store, alice)
}

/// From now on the server takes two seconds and more to change them all.
async fn slow_down(store: &Store) {
    match store.readers().get_database_backend() {
        DbBackend::Postgres => {
            let function = "CREATE FUNCTION rest() RETURNS trigger LANGUAGE plpgsql \
                            AS $$ BEGIN PERFORM pg_sleep(2); RETURN NULL; END $$";
            tamper(store, function).await;
            let trigger =
                "CREATE TRIGGER rests BEFORE UPDATE ON sessions FOR EACH STATEMENT EXECUTE FUNCTION rest()";
            tamper(store, trigger).await;
        }
        DbBackend::MySql => {
            let trigger = "CREATE TRIGGER rests BEFORE UPDATE ON sessions FOR EACH ROW \
                           SET NEW.used = NEW.used + SLEEP(0.0003)";
            tamper(store, trigger).await;
        }
        _ => {}
    }
}

const ENDED: &str = "SELECT COUNT(*) FROM sessions WHERE ended = 2000";

pub(super) async fn all_sessions_of_a_user_end_however_many_they_are(database: &impl TestDatabase) {
    let (store, alice) = with_many_sessions(database).await;
    slow_down(&store).await;
    assert_eq!(store.revoke_all_sessions(alice.id, LIMITS, &act(2000)).await.unwrap(), 8192);
    assert_eq!(count(&store, ENDED).await, 8192);
    assert!(has_revoked(&store, &token(&alice, 10, 1)));
    assert_eq!(count(&store, "SELECT COUNT(*) FROM revocations").await, 1);
}

pub(super) async fn everybodys_sessions_end_however_many_they_are(database: &impl TestDatabase) {
    let (store, _) = with_many_sessions(database).await;
    let server_key =
        |text: &str| StoredServerKey { wrapped_key: text.to_owned(), wrapped_by: "k4.lid.x".to_owned() };
    assert!(store.insert_ring("old ring").await.unwrap());
    assert!(store.insert_server_key(&server_key("old")).await.unwrap());
    slow_down(&store).await;
    let everything = KeyRevocation {
        version: 1,
        document: "new ring".to_owned(),
        keys: Vec::new(),
        everything: Some(server_key("new")),
    };
    assert!(store.revoke_keys(everything, &act(2000)).await.unwrap());
    assert_eq!(count(&store, ENDED).await, 8192);
}

/// Each has its place in the log; those that revoke something meanwhile get theirs in between.
pub(super) async fn all_sessions_but_one_end_in_portions(database: &impl TestDatabase) {
    let (store, alice) = with_many_sessions(database).await;
    let ended = store.revoke_other_sessions(alice.id, session_id(10), LIMITS, &act(2000)).await.unwrap();
    assert_eq!(ended, 8191);
    assert_eq!(count(&store, ENDED).await, 8191);
    assert!(!has_revoked(&store, &token(&alice, 10, 1)));
    assert_eq!(store.trust().len(), 8191);
    let told = store.list_events(Some(alice.id), None, 10).await.unwrap();
    let told: Vec<_> = told.iter().map(|event| (event.kind, event.count)).collect();
    assert_eq!(told, [(EventKind::SessionsRevoked, 8191)]);
    // Nothing is left to end, and to tell.
    assert_eq!(store.revoke_other_sessions(alice.id, session_id(10), LIMITS, &act(2001)).await.unwrap(), 0);
    assert_eq!(store.list_events(Some(alice.id), None, 10).await.unwrap().len(), 1);
}
