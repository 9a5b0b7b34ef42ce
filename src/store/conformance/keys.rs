//! The key ring and the trust counter.

use tokio::task::JoinSet;

use super::{TestDatabase, at};
use crate::domain::TrustPosition;

pub(super) async fn of_many_first_rings_one_is_kept(database: &impl TestDatabase) {
    let stores = [database.open().await, database.open().await];
    assert!(stores[0].lookup_ring().await.unwrap().is_none());
    let mut calls = JoinSet::new();
    for number in 0..10_usize {
        let store = stores[number % 2].clone();
        calls.spawn(async move {
            let document = format!("ring {number}");
            (store.insert_ring(&document).await.unwrap(), document)
        });
    }
    let outcomes = calls.join_all().await;
    let kept: Vec<&String> = outcomes.iter().filter(|o| o.0).map(|o| &o.1).collect();
    let ring = stores[1].lookup_ring().await.unwrap().unwrap();
    assert_eq!(kept, [&ring.document]);
    assert_eq!(ring.version, 1);
    assert!(!format!("{ring:?}").contains("ring "), "not shown in logs");
}

pub(super) async fn of_many_replacements_of_one_version_one_wins(database: &impl TestDatabase) {
    let stores = [database.open().await, database.open().await];
    assert!(!stores[0].replace_ring(1, "no ring to replace", at(1)).await.unwrap());
    assert!(stores[0].insert_ring("first").await.unwrap());
    let mut calls = JoinSet::new();
    for number in 0..10_usize {
        let store = stores[number % 2].clone();
        calls.spawn(async move {
            let document = format!("ring {number}");
            (store.replace_ring(1, &document, at(1)).await.unwrap(), document)
        });
    }
    let outcomes = calls.join_all().await;
    let won: Vec<&String> = outcomes.iter().filter(|o| o.0).map(|o| &o.1).collect();
    let ring = stores[1].lookup_ring().await.unwrap().unwrap();
    assert_eq!(won, [&ring.document]);
    assert_eq!(ring.version, 2);
}

pub(super) async fn the_trust_counter_is_started_once(database: &impl TestDatabase) {
    let store = database.open().await;
    assert_eq!(store.lookup_trust_counter().await.unwrap(), None);
    store.ensure_trust_counter([1; 16]).await.unwrap();
    store.ensure_trust_counter([2; 16]).await.unwrap();
    let position = TrustPosition { incarnation: [1; 16], sequence: 0 };
    assert_eq!(store.lookup_trust_counter().await.unwrap(), Some(position));
}
