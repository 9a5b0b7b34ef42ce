//! The schema's changes, and what survives a restart.

use countersign_migration::{
    Migration, MigrationName, MigrationTrait, SchemaManager, async_trait, migrations,
};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, DbErr};
use tokio::task::JoinSet;

use super::{TestDatabase, act, at, count, password, tamper, user};
use crate::store::{OpenError, Store, schema};

const NOTES: &str = "SELECT COUNT(*) FROM schema_migrations";
const INSERT_NEWER: &str = "INSERT INTO schema_migrations (number, name, min_reader, applied) \
    VALUES (11, 'm0011_of_the_future', 4, 1)";

pub(super) async fn data_survives_close_and_reopen(database: &impl TestDatabase) {
    let store = database.open().await;
    let alice = user(1, "alice");
    store.insert_user(&alice, &password("x"), &act(1)).await.unwrap();
    store.close().await.unwrap();
    let store = database.open().await;
    assert!(store.lookup_user(alice.id).await.unwrap().is_some());
}

pub(super) async fn a_second_start_changes_nothing(database: &impl TestDatabase) {
    let first = database.open().await;
    assert_eq!(count(&first, NOTES).await, 10);
    let second = Store::open(&database.config(), at(2)).await.unwrap();
    assert_eq!(count(&second, NOTES).await, 10);
    assert_eq!(count(&second, "SELECT MAX(applied) FROM schema_migrations").await, 1);
}

pub(super) async fn stores_that_open_an_empty_database_at_once_all_succeed(database: &impl TestDatabase) {
    let mut calls = JoinSet::new();
    for _ in 0..8 {
        let config = database.config();
        calls.spawn(async move { Store::open(&config, at(1)).await });
    }
    for outcome in calls.join_all().await {
        assert_eq!(count(&outcome.unwrap(), NOTES).await, 10);
    }
}

pub(super) async fn a_newer_schema_is_tolerated_down_to_its_lowest_reader(database: &impl TestDatabase) {
    let store = database.open().await;
    tamper(&store, INSERT_NEWER).await;
    let again = database.open().await;
    assert_eq!(count(&again, NOTES).await, 11);

    tamper(&store, "UPDATE schema_migrations SET min_reader = 11 WHERE number = 11").await;
    let error = Store::open(&database.config(), at(2)).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the database was written by a newer Countersign (schema 11, needs at least 11); this one knows 10"
    );
}

pub(super) async fn an_older_program_tolerates_what_it_need_not_know(database: &impl TestDatabase) {
    let store = database.open().await;
    let older: Vec<Box<dyn Migration>> = migrations().into_iter().take(6).collect();
    migrate_with(&store, older).await.unwrap();
    assert_eq!(count(&store, NOTES).await, 10);
}

pub(super) async fn a_foreign_schema_is_refused(database: &impl TestDatabase) {
    let store = database.open().await;
    tamper(&store, "UPDATE schema_migrations SET name = 'm0002_other' WHERE number = 2").await;
    let error = Store::open(&database.config(), at(2)).await.unwrap_err();
    assert!(matches!(error, OpenError::Foreign { number: 2 }), "{error}");
}

pub(super) async fn a_migration_that_fails_leaves_nothing(database: &impl TestDatabase) {
    let store = database.open().await;
    let mut known = migrations();
    known.push(Box::new(HalfWay));
    assert!(migrate_with(&store, known).await.is_err());
    assert_eq!(count(&store, NOTES).await, 10);
    // Every database but MySQL takes the change back, which there can be run again.
    if store.readers().get_database_backend() != DbBackend::MySql {
        tamper(&store, "CREATE TABLE half_way (id INTEGER)").await;
        return;
    }
    let mut known = migrations();
    known.push(Box::new(HalfWay));
    assert!(migrate_with(&store, known).await.is_err());
    assert_eq!(count(&store, NOTES).await, 10);
}

async fn migrate_with(store: &Store, known: Vec<Box<dyn Migration>>) -> Result<(), OpenError> {
    let work = async move |db: DatabaseConnection| Ok(schema::migrate(&db, &known, at(2)).await);
    store.write::<_, DbErr, _, _>(work).await.unwrap()
}

/// Makes a table, fills it, and fails.
struct HalfWay;

impl MigrationName for HalfWay {
    fn name(&self) -> &str {
        "m0005_half_way"
    }
}

impl Migration for HalfWay {
    fn min_reader(&self) -> i64 {
        1
    }
}

#[async_trait::async_trait]
#[expect(
    elided_lifetimes_in_paths,
    reason = "async_trait takes an implementation only in the trait's own spelling, which elides"
)]
impl MigrationTrait for HalfWay {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        db.execute_unprepared("CREATE TABLE IF NOT EXISTS half_way (id INTEGER)").await?;
        db.execute_unprepared("INSERT INTO half_way VALUES (1)").await?;
        Err(DbErr::Migration("on purpose".to_owned()))
    }
}
