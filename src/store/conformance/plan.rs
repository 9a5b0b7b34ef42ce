//! What bringing the schema up to date would run.

use sea_orm::{ConnectionTrait, DbBackend};

use super::{TestDatabase, act, at, count, new_session, password, tamper, user};
use crate::store::{Maintenance, OpenError, PlannedChange, plan};

async fn planned(database: &impl TestDatabase) -> Vec<PlannedChange> {
    plan(&database.config(), at(7)).await.unwrap()
}

/// Runs statements as an operator does, by hand.
async fn apply(database: &impl TestDatabase, changes: &[PlannedChange]) {
    let maintenance = Maintenance::open_to_migrate(&database.config()).await.unwrap();
    for statement in changes.iter().flat_map(|change| &change.statements) {
        maintenance.db().execute_unprepared(statement).await.unwrap();
    }
    maintenance.close().await.unwrap();
}

pub(super) async fn a_plan_is_what_a_migration_runs(database: &impl TestDatabase) {
    let known = countersign_migration::migrations().len();
    let changes = planned(database).await;
    assert_eq!(changes.len(), known);
    assert_eq!(planned(database).await.len(), known, "nothing has happened");
    apply(database, &changes).await;
    assert!(planned(database).await.is_empty());
    let maintenance = Maintenance::open_to_migrate(&database.config()).await.unwrap();
    assert!(maintenance.migrate(at(8)).await.unwrap().is_empty());
    maintenance.close().await.unwrap();

    let store = database.open().await;
    let noted = count(&store, "SELECT COUNT(*) FROM schema_migrations WHERE applied = 7").await;
    assert_eq!(usize::try_from(noted).unwrap(), known);
    let alice = user(1, "alice");
    store.insert_user(&alice, &password("x"), &act(1)).await.unwrap();
    store.open_session(new_session(10, &alice), alice.proof(), &act(1)).await.unwrap().unwrap();
    assert!(store.insert_user(&user(2, "ALICE"), &password("x"), &act(1)).await.is_err());
}

/// By statements that are there already too: MySQL keeps those of a change that was broken off.
pub(super) async fn a_plan_begins_where_the_schema_is(database: &impl TestDatabase) {
    let changes = planned(database).await;
    apply(database, &changes[..4]).await;
    let half = PlannedChange { statements: changes[4].statements[..3].to_vec(), ..changes[4].clone() };
    apply(database, &[half]).await;
    let rest = planned(database).await;
    assert_eq!(rest.len(), changes.len() - 4);
    assert_eq!(rest[0].name, "m0005_add_refresh_to_sessions");
    assert_eq!(rest[0].statements, changes[4].statements[3..]);
    apply(database, &rest).await;
    database.open().await.ping().await.unwrap();
}

pub(super) async fn a_plan_is_refused_where_a_migration_would_be(database: &impl TestDatabase) {
    let store = database.open().await;
    tamper(&store, "UPDATE schema_migrations SET name = 'm0002_other' WHERE number = 2").await;
    let refused = plan(&database.config(), at(7)).await.unwrap_err();
    assert!(matches!(refused, OpenError::Foreign { number: 2 }), "{refused}");
    if store.readers().get_database_backend() == DbBackend::MySql {
        return; // There it may be our own.
    }
    tamper(&store, "DROP TABLE schema_migrations").await;
    let refused = plan(&database.config(), at(7)).await.unwrap_err();
    assert!(matches!(refused, OpenError::ForeignTables), "{refused}");
}
