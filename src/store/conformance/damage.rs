//! Rows that do not hold what the store wrote.

use super::{TestDatabase, act, new_session, password, session_id, tamper, user, user_id};
use crate::store::{Store, StoreError};

const USER: &str = "00000000-0000-0000-0000-000000000001";
const SESSION: &str = "00000000-0000-0000-0000-00000000000a";

async fn with_session(database: &impl TestDatabase) -> Store {
    let store = database.open().await;
    let alice = user(1, "alice");
    store.insert_user(&alice, &password("x"), &act(1)).await.unwrap();
    assert!(store.open_session(new_session(10, &alice), alice.proof(), &act(1)).await.unwrap().is_some());
    store
}

/// What an error names, for comparison; its message names the same and never the value.
fn named(error: &StoreError) -> (&str, &str, &str) {
    let StoreError::Damaged { table, column, row } = error else { panic!("{error:?}") };
    for shown in [error.to_string(), format!("{error:?}")] {
        assert!(shown.contains(table) && shown.contains(column) && shown.contains(row));
        assert!(!shown.contains("Zebra"), "{shown}");
    }
    (table, column, row)
}

pub(super) async fn a_damaged_user_is_named_by_table_column_and_row(database: &impl TestDatabase) {
    let store = with_session(database).await;
    for (damage, repair, column) in [
        (
            "UPDATE users SET name_shown = 'Zebra Crossing'",
            "UPDATE users SET name_shown = 'alice'",
            "name_shown",
        ),
        ("UPDATE users SET roles = 'admin,Zebra'", "UPDATE users SET roles = ''", "roles"),
        ("UPDATE users SET state = 4", "UPDATE users SET state = 1", "state"),
    ] {
        tamper(&store, damage).await;
        let error = store.lookup_user(user_id(1)).await.unwrap_err();
        assert_eq!(named(&error), ("users", column, USER));
        let error = store.lookup_session_with_user(session_id(10)).await.unwrap_err();
        assert_eq!(named(&error), ("users", column, USER));
        tamper(&store, repair).await;
        assert!(store.lookup_user(user_id(1)).await.unwrap().is_some());
    }
}

pub(super) async fn a_damaged_session_is_named_by_table_column_and_row(database: &impl TestDatabase) {
    let store = with_session(database).await;
    tamper(&store, "UPDATE sessions SET amr = 'Zebra'").await;
    let error = store.lookup_session_with_user(session_id(10)).await.unwrap_err();
    assert_eq!(named(&error), ("sessions", "amr", SESSION));
}

pub(super) async fn a_name_that_belongs_to_another_is_damage(database: &impl TestDatabase) {
    let store = with_session(database).await;
    tamper(&store, "UPDATE users SET name_shown = 'Zebra'").await;
    let alice = user(1, "alice").username;
    let error = store.find_user_by_name(&alice).await.unwrap_err();
    assert_eq!(named(&error), ("users", "name_shown", USER));
}
