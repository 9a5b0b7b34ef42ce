//! Sessions in such numbers that their end takes longer than a call to a database server may.

use std::time::Duration;

use futures_util::FutureExt;
use sea_orm::DbBackend;
use tokio::time::timeout;

use super::trust_log::{has_revoked, token};
use super::{
    LIMITS, SqliteDatabase, TestDatabase, act, act_of, count, new_session, password, session_id, tamper,
    user, with_alice,
};
use crate::domain::{Actor, EventKind, ProvenAt, Roles, User, UserAt};
use crate::store::{ActError, KeyRevocation, Store, StoredServerKey};

/// After which time what does not happen never will.
const NEVER: Duration = Duration::from_secs(60);
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

/// From now on the server takes two seconds and more to change them all, or to forget that they were revoked.
async fn slow_down(store: &Store) {
    match store.readers().get_database_backend() {
        DbBackend::Postgres => {
            let function = "CREATE FUNCTION rest() RETURNS trigger LANGUAGE plpgsql \
                            AS $$ BEGIN PERFORM pg_sleep(2); RETURN NULL; END $$";
            tamper(store, function).await;
            for what in ["UPDATE ON sessions", "DELETE ON revocations"] {
                let each = "FOR EACH STATEMENT EXECUTE FUNCTION rest()";
                tamper(store, format!("CREATE TRIGGER rests BEFORE {what} {each}")).await;
            }
        }
        DbBackend::MySql => {
            let trigger = "CREATE TRIGGER rests BEFORE UPDATE ON sessions FOR EACH ROW \
                           SET NEW.used = NEW.used + SLEEP(0.0003)";
            tamper(store, trigger).await;
            let trigger =
                "CREATE TRIGGER rests_too BEFORE DELETE ON revocations FOR EACH ROW DO SLEEP(0.0003)";
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

/// The log is full of sessions of before.
pub(super) async fn tokens_end_however_many_sessions_there_were(database: &impl TestDatabase) {
    let (store, alice) = with_many_sessions(database).await;
    store.revoke_other_sessions(alice.id, session_id(10), LIMITS, &act(2000)).await.unwrap();
    slow_down(&store).await;
    store.insert_user(&user(2, "bob"), &password("x"), &act(1)).await.unwrap();
    store.set_roles(alice.id, Roles::default(), &act(2001)).await.unwrap();
    assert!(has_revoked(&store, &token(&alice, 10, 1)));
    assert_eq!(count(&store, "SELECT COUNT(*) FROM revocations").await, 1);
}

pub(super) async fn all_sessions_but_one_end_although_who_asked_goes_away(database: &impl TestDatabase) {
    let (store, alice) = with_many_sessions(database).await;
    let act = act(2000);
    let ending = store.revoke_other_sessions(alice.id, session_id(10), LIMITS, &act);
    assert!(ending.now_or_never().is_none());
    let all = async {
        while count(&store, ENDED).await < 8191 {
            tokio::task::yield_now().await;
        }
    };
    timeout(NEVER, all).await.expect("the rest live on");
}

/// Each portion fills the log, so that the next session of the user that ends raises its epoch.
#[tokio::test]
async fn who_ends_all_sessions_but_one_goes_on_when_their_number_raises_the_epoch() {
    let database = SqliteDatabase::create().unwrap();
    let (store, alice) = with_many_sessions(&database).await;
    let collapse = "CREATE TRIGGER collapses AFTER UPDATE OF ended ON sessions WHEN NEW.ended = 2000 BEGIN \
                    UPDATE users SET epoch = epoch + 1, collapses = collapses + 1; END";
    tamper(&store, collapse).await;
    let at = UserAt { id: alice.id, proven: ProvenAt::Token(alice.epoch) };
    let by = act_of(Some(Actor { at, session: Some(session_id(10)) }), 2000);
    assert_eq!(store.revoke_other_sessions(alice.id, session_id(10), LIMITS, &by).await.unwrap(), 8191);
    let again = store.revoke_other_sessions(alice.id, session_id(10), LIMITS, &by).await;
    assert!(matches!(again, Err(ActError::NotAllowedAnyMore)), "{again:?}");
}
