//! What database servers must do while somebody keeps them busy.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use futures_util::FutureExt;
use sea_orm::sea_query::{Func, Query};
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::on_servers_alone::{WAITING_ON_MARIADB, WAITING_ON_POSTGRES};
use super::{LIMITS, TestDatabase, act, at, count, new_session, password, session_id, user, with_alice};
use crate::domain::UserState;
use crate::store::{DatabaseUrl, Store, StoreConfig};

on_both_servers! {
    a_queue_of_readers_is_no_outage
    who_stops_being_an_admin_keeps_nobody_from_revoking
    a_server_that_leaves_a_connection_waiting_is_asked_again
}

/// How many read at once: more than there are connections to read on, and each waits longer than readiness does.
const READERS: usize = 30;

/// Which connection the log is followed on.
async fn follower(store: &Store) -> i64 {
    let follower = store.engine().follower();
    let sql = match follower.get_database_backend() {
        DbBackend::Postgres => "SELECT CAST(pg_backend_pid() AS BIGINT)",
        _ => "SELECT CAST(CONNECTION_ID() AS SIGNED)",
    };
    let row = follower.query_one_raw(Statement::from_string(follower.get_database_backend(), sql)).await;
    row.unwrap().unwrap().try_get_by_index(0).unwrap()
}

async fn a_queue_of_readers_is_no_outage(database: &impl TestDatabase) {
    let store = database.open().await;
    let before = follower(&store).await;
    let (answered, enough) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    let mut readers = JoinSet::new();
    for _ in 0..READERS {
        let (store, answered, enough) = (store.clone(), Arc::clone(&answered), Arc::clone(&enough));
        readers.spawn(async move {
            let sleep = match store.readers().get_database_backend() {
                DbBackend::Postgres => "pg_sleep",
                _ => "sleep",
            };
            let question = Query::select().expr(Func::cust(sleep).arg(0.05)).to_owned();
            while !enough.load(Ordering::Relaxed) {
                store.find(&question).await.unwrap();
                answered.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    while answered.load(Ordering::Relaxed) < READERS {
        tokio::task::yield_now().await;
    }
    store.ping().await.unwrap();
    // A question that its asker gave up.
    assert!(store.ping().now_or_never().is_none());
    store.ping().await.unwrap();
    enough.store(true, Ordering::Relaxed);
    // Nobody's connection was closed.
    while let Some(reader) = readers.join_next().await {
        reader.unwrap();
    }
    assert_eq!(follower(&store).await, before);
}

/// Of many who connect at once some wait for long.
async fn a_server_that_leaves_a_connection_waiting_is_asked_again(database: &impl TestDatabase) {
    let url = database.url();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let here = listener.local_addr().unwrap().port();
    let there = url.rsplit_once('/').unwrap().0.rsplit_once(':').unwrap().1;
    let address = format!("127.0.0.1:{there}");
    let url = url.replacen(&format!(":{there}/"), &format!(":{here}/"), 1);
    tokio::spawn(async move {
        let (_waiting, _) = listener.accept().await.unwrap();
        while let Ok((mut client, _)) = listener.accept().await {
            let address = address.clone();
            tokio::spawn(async move {
                let mut server = TcpStream::connect(address).await.unwrap();
                copy_bidirectional(&mut client, &mut server).await
            });
        }
    });
    let store = Store::open(&StoreConfig::new(DatabaseUrl::parse(&url).unwrap()), at(1)).await.unwrap();
    store.ping().await.unwrap();
}

/// Others go on while something of Alice is locked, and her end takes its time.
async fn who_stops_being_an_admin_keeps_nobody_from_revoking(database: &impl TestDatabase) {
    let (store, alice) = with_alice(database).await;
    let bob = user(2, "bob");
    store.insert_user(&bob, &password("x"), &act(1)).await.unwrap();
    for number in [10, 11] {
        let owner = if number == 10 { &alice } else { &bob };
        store.open_session(new_session(number, owner), owner.proof(), &act(1)).await.unwrap().unwrap();
    }
    let db = store.engine().writer().await.unwrap();
    let (row, waiting) = match db.get_database_backend() {
        DbBackend::Postgres => (r"'\x0000000000000000000000000000000a'", WAITING_ON_POSTGRES),
        _ => ("x'0000000000000000000000000000000a'", WAITING_ON_MARIADB),
    };
    let transaction = store.engine().begin(&db).await.unwrap();
    let held = format!("UPDATE sessions SET used = used + 1 WHERE id = {row}");
    transaction.execute_unprepared(&held).await.unwrap();
    let replica = store.clone();
    let ending = tokio::spawn(async move { replica.disable_user(alice.id, LIMITS, &act(2000)).await });
    while count(&store, waiting).await == 0 {
        assert!(!ending.is_finished(), "it did not wait for the session");
        tokio::task::yield_now().await;
    }
    assert!(store.give_back_session(session_id(11), &act(2000)).await.unwrap());
    transaction.commit().await.unwrap();
    assert_eq!(ending.await.unwrap().unwrap().state, UserState::Disabled);
}
