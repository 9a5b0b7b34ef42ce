//! What database servers alone must do: there several write at once.

use std::sync::Arc;

use countersign_test_servers::{Postgres, Signal};
use futures_util::FutureExt;
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, TransactionTrait};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::{
    LIMITS, MariaDatabase, PostgresDatabase, TestDatabase, act, at, count, new_session, password, session,
    session_id, token_hash, user, with_alice,
};
use crate::domain::{Epoch, Generation, RefreshChain, Roles, Salt, Spent};
use crate::store::{
    ActError, DatabaseUrl, Disagreement, OpenError, Rotation, Store, StoreConfig, StoreError, database_server,
};

on_both_servers! {
    what_is_decided_on_stays_true_until_the_commit
    revocations_are_numbered_without_a_gap
    who_waits_for_too_long_is_told_so
    a_duty_is_one_replicas
    replicas_agree_on_their_settings
    the_log_is_read_where_its_connection_hangs
    who_is_stuck_on_an_old_connection_holds_nobody_up
}

pub(super) const WAITING_ON_POSTGRES: &str =
    "SELECT COUNT(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()";
/// Of the whole server, other tests included: there is nothing finer that is not up to a tenth of a second old.
pub(super) const WAITING_ON_MARIADB: &str = "SELECT CAST(variable_value AS INTEGER) FROM information_schema.global_status \
    WHERE variable_name = 'Innodb_row_lock_current_waits'";

/// What becomes of a call that starts while another process is raising all epochs: it must wait until that is committed.
async fn while_epochs_are_raised<T: Send + 'static>(
    store: &Store,
    call: impl Future<Output = T> + Send + 'static,
) -> T {
    let db = store.engine().writer().await.unwrap();
    let transaction = store.engine().begin(&db).await.unwrap();
    transaction.execute_unprepared("UPDATE users SET epoch = epoch + 1").await.unwrap();
    let waiting = match db.get_database_backend() {
        DbBackend::Postgres => WAITING_ON_POSTGRES,
        _ => WAITING_ON_MARIADB,
    };
    let call = tokio::spawn(call);
    while count(store, waiting).await == 0 {
        assert!(!call.is_finished(), "it did not wait for who decides about its user");
        tokio::task::yield_now().await;
    }
    transaction.commit().await.unwrap();
    call.await.unwrap()
}

async fn what_is_decided_on_stays_true_until_the_commit(database: &impl TestDatabase) {
    let (store, alice) = with_alice(database).await;
    store.open_session(new_session(10, &alice), alice.proof(), &act(1)).await.unwrap().unwrap();

    // A password that was replaced while its hash was being computed opens nothing.
    let (replica, late) = (store.clone(), new_session(11, &alice));
    let proof = alice.proof();
    let opened =
        while_epochs_are_raised(
            &store,
            async move { replica.open_session(late, proof, &act(1)).await.unwrap() },
        );
    assert_eq!(opened.await, None);

    // Nothing is issued for roles that were taken away, by a token or by a refresh token: whoever took them has counted on
    // how long the tokens of before could live.
    let replica = store.clone();
    let epoch = Epoch::from_number(2);
    let used = while_epochs_are_raised(&store, async move {
        replica.record_use(session_id(10), at(2000), (epoch, at(6000)), &LIMITS).await.unwrap()
    });
    assert!(!used.await);
    let replica = store.clone();
    let rotated = while_epochs_are_raised(&store, async move {
        replica.rotate_refresh(&rotation(Epoch::from_number(3)), &act(2000)).await.unwrap()
    });
    assert!(!rotated.await);
    assert_eq!(count(&store, "SELECT COUNT(*) FROM sessions WHERE used <> 1002").await, 0);

    // Who only waits for its turn gets it, with what is true then.
    let (replica, id) = (store.clone(), alice.id);
    let changed = while_epochs_are_raised(&store, async move {
        replica.set_roles(id, Roles::parse(["admin"]).unwrap(), &act(2000)).await.unwrap()
    });
    assert_eq!(changed.await.epoch, Epoch::from_number(6));
    let replica = store.clone();
    let refused = while_epochs_are_raised(&store, async move {
        replica.change_password((id, proof), password("y"), new_session(12, &alice), &act(2000)).await
    });
    assert!(matches!(refused.await, Err(ActError::Stale)));
}

fn rotation(epoch: Epoch) -> Rotation {
    let from = RefreshChain { generation: Generation::FIRST, current: token_hash(10, 1), spent: None };
    let spent = Spent { token: from.current, retry: None, salt: Salt::from_bytes([1; 32]) };
    let to =
        RefreshChain { generation: Generation::FIRST.next(), current: token_hash(10, 2), spent: Some(spent) };
    Rotation { session: session_id(10), from, to, epoch, tokens_until: at(6000), limits: LIMITS }
}

/// Everybody revokes at once, each for a user of its own, on two processes.
async fn revocations_are_numbered_without_a_gap(database: &impl TestDatabase) {
    let (store, _) = with_alice(database).await;
    let replica = database.open().await;
    let mut calls = JoinSet::new();
    for number in 10..50 {
        let bob = user(number, &format!("bob{number}"));
        store.insert_user(&bob, &password("x"), &act(1)).await.unwrap();
        store.open_session(new_session(number, &bob), bob.proof(), &act(1)).await.unwrap().unwrap();
        let store = if number % 2 == 0 { store.clone() } else { replica.clone() };
        calls.spawn(async move {
            store.revoke_all_sessions(bob.id, LIMITS, &act(2000)).await.unwrap();
            // Whoever is told that it is done finds it done, and everything before it known.
            assert!(store.trust().position().sequence > 0);
            assert_eq!(session(number, &bob).user_id, bob.id);
        });
    }
    calls.join_all().await;
    assert_eq!(count(&store, "SELECT COUNT(DISTINCT sequence) FROM revocations").await, 40);
    assert_eq!(count(&store, "SELECT MAX(sequence) FROM revocations").await, 40);
    for store in [&store, &replica] {
        store.follow_trust_log().await.unwrap();
        assert_eq!(store.trust().position().sequence, 40);
        assert_eq!(store.trust().len(), 40);
    }
}

/// A lock that is not given back: the call ends, with what its caller can do about it, and nothing of it happens later.
async fn who_waits_for_too_long_is_told_so(database: &impl TestDatabase) {
    let (store, alice) = with_alice(database).await;
    let db = store.engine().writer().await.unwrap();
    let transaction = store.engine().begin(&db).await.unwrap();
    if transaction.get_database_backend() == DbBackend::Postgres {
        // It would end at the same moment as the wait for it.
        let lasting = "SET LOCAL idle_in_transaction_session_timeout = 0";
        transaction.execute_unprepared(lasting).await.unwrap();
    }
    transaction.execute_unprepared("UPDATE users SET epoch = epoch").await.unwrap();
    let refused = store.open_session(new_session(10, &alice), alice.proof(), &act(1)).await.unwrap_err();
    assert!(matches!(refused, StoreError::Unreachable(_)), "{refused:?}");
    // The server may have ended it already: who does nothing in a transaction holds nobody up.
    let _ended = transaction.rollback().await;
    assert_eq!(count(&store, "SELECT COUNT(*) FROM sessions").await, 0);
}

/// What names are is decided here, byte by byte, and not by a collation.
#[tokio::test]
async fn on_mariadb_names_that_a_collation_would_join_are_two() {
    let Some(database) = MariaDatabase::create() else { return };
    let store = database.open().await;
    for (number, name) in [(1, "strasse"), (2, "stra\u{df}e"), (3, "resume"), (4, "r\u{e9}sum\u{e9}")] {
        store.insert_user(&user(number, name), &password("x"), &act(1)).await.unwrap();
    }
    assert_eq!(count(&store, "SELECT COUNT(*) FROM users").await, 4);
}

#[tokio::test]
async fn a_mariadb_that_would_shorten_is_refused() {
    let Some(database) = MariaDatabase::create() else { return };
    let db = database_server::connect(&database.config().url, 1).await.unwrap();
    assert!(database_server::examine(&db).await.is_ok());
    db.execute_unprepared("SET SESSION sql_mode = ''").await.unwrap();
    assert!(matches!(database_server::examine(&db).await.unwrap_err(), OpenError::NotStrict));
}

#[tokio::test]
async fn a_postgres_that_acknowledges_too_early_or_knows_not_every_name_is_refused() {
    let Some(server) = Postgres::shared() else { return };
    let open = async |url: &str| {
        let refused = Store::open(&StoreConfig::new(DatabaseUrl::parse(url).unwrap()), at(1)).await;
        refused.unwrap_err()
    };
    let url = server.create_database();
    let name = url.rsplit('/').next().unwrap();
    server.psql("postgres", &format!("ALTER DATABASE {name} SET synchronous_commit = off"));
    assert!(matches!(open(&url).await, OpenError::NotDurable));
    server.psql("postgres", "CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0");
    assert!(matches!(open(&server.url("latin")).await, OpenError::NotUnicode));
    let error = open(&server.url("nowhere")).await.to_string();
    assert!(error.starts_with("the database postgres://127.0.0.1:"), "{error}");
    assert!(error.contains("database \"nowhere\" does not exist"), "{error}");
}

/// One replica does it for all, until it does not come for it any more.
async fn a_duty_is_one_replicas(database: &impl TestDatabase) {
    let store = database.open().await;
    let take = async |holder: u8, now| store.take_duty("janitor", [holder; 16], at(now)).await.unwrap();
    assert!(take(1, 1_000).await);
    assert!(!take(2, 1_000).await);
    assert!(take(1, 5_000).await, "who has it keeps it");
    assert!(!take(2, 15_000).await);
    assert!(take(2, 15_001).await, "who died had it for ten seconds");
    assert!(!take(1, 16_000).await);
}

/// What all replicas were told alike is kept; who was told something else learns what.
async fn replicas_agree_on_their_settings(database: &impl TestDatabase) {
    let store = database.open().await;
    store.ensure_trust_counter([7; 16]).await.unwrap();
    let values = |pairs: &[(&str, &str)]| {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    };
    let agree = async |pairs: &[(&str, &str)], adopt| {
        store.agree_on_values(&values(pairs), adopt, at(1)).await.unwrap()
    };
    assert_eq!(agree(&[("issuer", "a"), ("audiences", "a,b")], false).await, []);
    assert_eq!(agree(&[("issuer", "a"), ("audiences", "a,b")], false).await, []);
    let differs = |here: &str, there: &str| Disagreement {
        name: "issuer".to_owned(),
        here: here.to_owned(),
        there: there.to_owned(),
    };
    assert_eq!(agree(&[("issuer", "b"), ("later", "1")], false).await, [differs("b", "a")]);
    assert_eq!(agree(&[("issuer", "b")], true).await, [differs("b", "a")]);
    assert_eq!(agree(&[("issuer", "b")], false).await, []);
    let kept = store.lookup_cluster_values().await.unwrap();
    assert_eq!(kept, values(&[("issuer", "b"), ("audiences", "a,b"), ("later", "1")]));
}

/// A server's time is in milliseconds, as ours are; a file has none of its own.
#[tokio::test]
async fn a_server_tells_its_time() {
    for database in
        [PostgresDatabase::create().map(|it| it.config()), MariaDatabase::create().map(|it| it.config())]
    {
        let Some(config) = database else { continue };
        let store = Store::open(&config, at(1)).await.unwrap();
        let there = store.time_of_server().await.unwrap().unwrap().as_millis();
        // 2026 and 2126.
        assert!((1_767_225_600_000..4_922_899_200_000).contains(&there), "{there}");
    }
}

/// The log has one connection, and what hangs on it keeps revocations from nobody.
async fn the_log_is_read_where_its_connection_hangs(database: &impl TestDatabase) {
    let store = database.open().await;
    let hanging = store.engine().follower().begin().await.unwrap();
    assert!(store.lookup_trust_counter().await.is_ok());
    assert!(store.doubted().now_or_never().is_some(), "nobody looks after it");
    assert!(store.follow_trust_log().await.is_ok());
    hanging.rollback().await.unwrap();
}

/// The connections of before may lead nowhere, and those who write on them wait for that; others do not.
async fn who_is_stuck_on_an_old_connection_holds_nobody_up(database: &impl TestDatabase) {
    let store = database.open().await;
    let mut stuck = JoinSet::new();
    let holding = Arc::new(Semaphore::new(0));
    for _ in 0..store.engine().writers_at_once() {
        let (store, holding) = (store.clone(), Arc::clone(&holding));
        stuck.spawn(async move {
            let hang = async move |db: DatabaseConnection| {
                let _transaction = db.begin().await?;
                holding.add_permits(1);
                std::future::pending::<Result<(), StoreError>>().await
            };
            store.write(hang).await
        });
    }
    let all = holding.acquire_many(store.engine().writers_at_once()).await.unwrap();
    // A question without an answer, and one that is answered on new connections.
    while store.ping().now_or_never().is_some() {}
    store.ping().await.unwrap();
    store.insert_user(&user(1, "alice"), &password("x"), &act(1)).await.unwrap();
    drop(all);
}

/// Some of the old connections work and others do not, and new ones cannot be had: it does not answer until they can.
#[tokio::test]
async fn a_database_that_answers_readers_alone_does_not_answer() {
    let Some(server) = Postgres::shared() else { return };
    let url = server.create_database();
    let name = url.rsplit('/').next().unwrap();
    let store = Store::open(&StoreConfig::new(DatabaseUrl::parse(&url).unwrap()), at(1)).await.unwrap();
    let allow = |allowed: bool| {
        server.psql("postgres", &format!("ALTER DATABASE {name} ALLOW_CONNECTIONS {allowed}"));
    };
    allow(false);
    store.engine().writer().await.unwrap().close().await.unwrap();
    store.ping().await.unwrap();
    // A question that its asker gave up.
    assert!(store.ping().now_or_never().is_none());
    store.ping().await.unwrap_err();
    allow(true);
    store.ping().await.unwrap();
    store.insert_user(&user(1, "alice"), &password("x"), &act(1)).await.unwrap();
}

/// A standby is the same database on another machine; what a dump was read into is a copy.
#[tokio::test]
async fn a_promoted_standby_is_no_copy_and_another_database_is() {
    let Some(primary) = Postgres::start_with(&[]) else { return };
    let url = primary.create_database();
    let name = url.rsplit('/').next().unwrap();
    let open =
        async |url: &str| Store::open(&StoreConfig::new(DatabaseUrl::parse(url).unwrap()), at(1)).await;
    open(&url).await.unwrap().close().await.unwrap();
    let standby = primary.standby();
    primary.stop(Signal::Immediate);
    standby.promote();
    open(&standby.url(name)).await.unwrap().close().await.unwrap();

    standby.psql("postgres", &format!("CREATE DATABASE copy TEMPLATE {name}"));
    let refused = open(&standby.url("copy")).await.unwrap_err();
    assert!(matches!(refused, OpenError::Elsewhere), "{refused}");
    assert!(refused.to_string().contains("`countersign fence`"), "{refused}");

    // Whoever may not ask for the cluster's number asks for the database's alone.
    standby.psql("postgres", "CREATE ROLE limited LOGIN");
    standby.psql(
        name,
        "GRANT ALL ON ALL TABLES IN SCHEMA public TO limited; GRANT CREATE ON SCHEMA public TO limited; \
         REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC",
    );
    open(&standby.url(name).replace("countersign@", "limited@")).await.unwrap().close().await.unwrap();
}
