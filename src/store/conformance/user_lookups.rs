//! Users that are looked up by many at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::task::JoinSet;

use super::{LIMITS, TestDatabase, act, password, tamper, user, user_id};
use crate::domain::{Roles, User};
use crate::store::{Store, StoreError};

const USERS: u128 = 20;
const DELETED: u128 = 3;
const DAMAGED: u128 = 4;

pub(super) async fn of_many_who_ask_at_once_each_is_told_of_its_own_user(database: &impl TestDatabase) {
    let store = database.open().await;
    store.ensure_trust_counter([7; 16]).await.unwrap();
    for number in 1..=USERS {
        store.insert_user(&user(number, &format!("user{number}")), &password("x"), &act(1)).await.unwrap();
    }
    store.delete_user(user_id(DELETED), None, LIMITS, &act(2)).await.unwrap();
    tamper(&store, format!("UPDATE users SET roles = 'Zebra' WHERE name_shown = 'user{DAMAGED}'")).await;
    let mut calls = JoinSet::new();
    // Some ask for the same one, and some for nobody.
    for asked in (0..600).map(|call| call % (USERS + 4) + 1) {
        let store = store.clone();
        calls.spawn(async move { (asked, store.lookup_user(user_id(asked)).await) });
    }
    for (asked, answer) in calls.join_all().await {
        match answer {
            Ok(Some(found)) => assert_eq!(
                (found.id, found.username.shown()),
                (user_id(asked), format!("user{asked}").as_str())
            ),
            Ok(None) => assert!(asked == DELETED || asked > USERS, "{asked}"),
            Err(StoreError::Damaged { column: "roles", .. }) => assert_eq!(asked, DAMAGED),
            Err(other) => panic!("{asked}: {other:?}"),
        }
    }
}

pub(super) async fn who_asks_after_a_change_reads_it_here_and_at_a_replica(database: &impl TestDatabase) {
    let stores = [database.open().await, database.open().await];
    stores[0].ensure_trust_counter([7; 16]).await.unwrap();
    let alice = user(1, "alice");
    for user in [&alice, &user(2, "bob")] {
        stores[0].insert_user(user, &password("x"), &act(1)).await.unwrap();
    }
    let over = Arc::new(AtomicBool::new(false));
    let mut crowd = JoinSet::new();
    for asker in 0..16 {
        crowd.spawn(ask_until(Arc::clone(&over), stores[asker % 2].clone(), alice.clone()));
    }
    for change in 0..100_usize {
        let role = format!("role{change}");
        let roles = Roles::parse([role.as_str()]).unwrap();
        stores[change % 2].set_roles(alice.id, roles.clone(), &act(2)).await.unwrap();
        for store in &stores {
            assert_eq!(store.lookup_user(alice.id).await.unwrap().unwrap().roles, roles);
        }
    }
    over.store(true, Ordering::Relaxed);
    crowd.join_all().await;
}

async fn ask_until(over: Arc<AtomicBool>, store: Store, user: User) {
    while !over.load(Ordering::Relaxed) {
        assert_eq!(store.lookup_user(user.id).await.unwrap().unwrap().username, user.username);
    }
}
