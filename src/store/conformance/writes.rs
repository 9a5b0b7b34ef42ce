//! The rule for writes: what has begun ends, what has not does not begin.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use sea_orm::{ConnectionTrait, DatabaseConnection, DbErr, TransactionTrait};
use tokio::sync::oneshot;

use super::{LIMITS, TestDatabase, act, at, password, tamper, user, user_id};
use crate::domain::Epoch;
use crate::store::{Store, StoreError};

/// Raises alice's epoch, while nothing else is written, in a transaction that stops in its middle: it says so on the first channel and goes on when the
/// second is answered.
async fn raise_epoch(
    store: &Store,
    begun: oneshot::Sender<()>,
    go_on: oneshot::Receiver<()>,
) -> Result<(), sea_orm::DbErr> {
    store
        .write_alone(async move |db: DatabaseConnection| {
            let transaction = db.begin().await?;
            transaction.execute_unprepared("UPDATE users SET epoch = 2").await?;
            begun.send(()).unwrap();
            go_on.await.unwrap();
            transaction.execute_unprepared("UPDATE users SET created = 2").await?;
            transaction.commit().await
        })
        .await
}

pub(super) async fn a_write_that_has_begun_outlives_its_caller(database: &impl TestDatabase) {
    let store = database.open().await;
    store.insert_user(&user(1, "alice"), &password("x"), &act(1)).await.unwrap();
    let (begun, has_begun) = oneshot::channel();
    let (go, go_on) = oneshot::channel();
    {
        let call = pin!(raise_epoch(&store, begun, go_on));
        tokio::select! {
            biased;
            _ = has_begun => {}
            _ = call => unreachable!("the write waits for us"),
        }
        // Here the caller goes away, in the middle of the transaction.
    }
    // Nobody listens if the write ended with its caller.
    let _ = go.send(());
    store.close().await.unwrap();
    let store = database.open().await;
    let alice = store.lookup_user(user_id(1)).await.unwrap().unwrap();
    assert_eq!((alice.epoch.number(), alice.created), (2, at(2)));
}

pub(super) async fn a_write_whose_caller_left_the_queue_never_begins(database: &impl TestDatabase) {
    let store = database.open().await;
    store.insert_user(&user(1, "alice"), &password("x"), &act(1)).await.unwrap();
    let (begun, has_begun) = oneshot::channel();
    let (go, go_on) = oneshot::channel();
    let holder = store.clone();
    let held = tokio::spawn(async move { raise_epoch(&holder, begun, go_on).await });
    has_begun.await.unwrap();
    {
        let (bob, secret, act) = (user(2, "bob"), password("x"), act(1));
        let mut call = pin!(store.insert_user(&bob, &secret, &act));
        let mut context = Context::from_waker(Waker::noop());
        assert!(matches!(call.as_mut().poll(&mut context), Poll::Pending));
        // Here bob's caller goes away, in the queue.
    }
    go.send(()).unwrap();
    held.await.unwrap().unwrap();
    store.close().await.unwrap();
    let store = database.open().await;
    assert!(store.lookup_user(user_id(2)).await.unwrap().is_none());
}

pub(super) async fn a_write_that_panics_lets_the_next_one_in(database: &impl TestDatabase) {
    let store = database.open().await;
    let outcome: Result<(), DbErr> = store
        .write(async move |db: DatabaseConnection| {
            let _transaction = db.begin().await?;
            if db.get_database_backend() == db.get_database_backend() {
                panic!("on purpose");
            }
            Ok(())
        })
        .await;
    assert!(matches!(StoreError::from(outcome.unwrap_err()), StoreError::Unexpected(_)));
    store.insert_user(&user(1, "alice"), &password("x"), &act(1)).await.unwrap();
}

pub(super) async fn a_closed_store_is_unreachable(database: &impl TestDatabase) {
    let store = database.open().await;
    store.close().await.unwrap();
    let read = store.lookup_user(user_id(1)).await.unwrap_err();
    assert!(matches!(read, StoreError::Unreachable(_)), "{read:?}");
    let write =
        store.record_use(super::session_id(1), at(1), (Epoch::FIRST, at(1)), &LIMITS).await.unwrap_err();
    assert!(matches!(write, StoreError::Unreachable(_)), "{write:?}");
    let ping = store.ping().await.unwrap_err();
    assert!(matches!(ping, StoreError::Unreachable(_)), "{ping:?}");
}

pub(super) async fn a_ping_asks_the_database(database: &impl TestDatabase) {
    let store = database.open().await;
    store.ping().await.unwrap();
    tamper(&store, "DROP TABLE schema_migrations").await;
    assert!(store.ping().await.is_err());
}
