//! The schema's changes, and what survives a restart.

use countersign_migration::{
    Migration, MigrationName, MigrationTrait, SchemaManager, async_trait, migrations,
};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, DbErr};
use tokio::task::JoinSet;

use super::{TestDatabase, act, at, count, password, tamper, user};
use crate::store::{OpenError, Store, database_server, schema};

const NOTES: &str = "SELECT COUNT(*) FROM schema_migrations";

/// How many changes this program knows.
fn known_changes() -> i64 {
    i64::try_from(migrations().len()).unwrap()
}

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
    assert_eq!(count(&first, NOTES).await, known_changes());
    let second = Store::open(&database.config(), at(2)).await.unwrap();
    assert_eq!(count(&second, NOTES).await, known_changes());
    assert_eq!(count(&second, "SELECT MAX(applied) FROM schema_migrations").await, 1);
}

pub(super) async fn stores_that_open_an_empty_database_at_once_all_succeed(database: &impl TestDatabase) {
    let mut calls = JoinSet::new();
    for _ in 0..8 {
        let config = database.config();
        calls.spawn(async move { Store::open(&config, at(1)).await });
    }
    for outcome in calls.join_all().await {
        assert_eq!(count(&outcome.unwrap(), NOTES).await, known_changes());
    }
}

pub(super) async fn a_newer_schema_is_tolerated_down_to_its_lowest_reader(database: &impl TestDatabase) {
    let store = database.open().await;
    let (known, next) = (known_changes(), known_changes() + 1);
    let columns = "(number, name, min_reader, applied)";
    tamper(
        &store,
        format!("INSERT INTO schema_migrations {columns} VALUES ({next}, 'm_of_the_future', 4, 1)"),
    )
    .await;
    let again = database.open().await;
    assert_eq!(count(&again, NOTES).await, next);

    tamper(&store, format!("UPDATE schema_migrations SET min_reader = {next} WHERE number = {next}")).await;
    let error = Store::open(&database.config(), at(2)).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "the database was written by a newer Countersign (schema {next}, needs at least {next}); this one knows {known}"
        )
    );
}

pub(super) async fn an_older_program_tolerates_what_it_need_not_know(database: &impl TestDatabase) {
    let store = database.open().await;
    let older: Vec<Box<dyn Migration>> = migrations().into_iter().take(6).collect();
    migrate_with(database, &store, older).await.unwrap();
    assert_eq!(count(&store, NOTES).await, known_changes());
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
    assert!(migrate_with(database, &store, known).await.is_err());
    assert_eq!(count(&store, NOTES).await, known_changes());
    // Every database but MySQL takes the change back, which there can be run again.
    if store.readers().get_database_backend() != DbBackend::MySql {
        tamper(&store, "CREATE TABLE half_way (id INTEGER)").await;
        return;
    }
    let mut known = migrations();
    known.push(Box::new(HalfWay));
    assert!(migrate_with(database, &store, known).await.is_err());
    assert_eq!(count(&store, NOTES).await, known_changes());
}

/// As an opening does it; on MySQL on a connection of its own, to which the lock of those who change the schema belongs.
async fn migrate_with(
    database: &impl TestDatabase,
    store: &Store,
    known: Vec<Box<dyn Migration>>,
) -> Result<(), OpenError> {
    if store.readers().get_database_backend() == DbBackend::MySql {
        let db = database_server::connect(&database.config().url, 1).await.unwrap();
        let outcome = schema::migrate(&db, &known, at(2)).await.map(drop);
        db.close().await.unwrap();
        return outcome;
    }
    let work = async move |db: DatabaseConnection| Ok(schema::migrate(&db, &known, at(2)).await.map(drop));
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
