//! Freeing space: what may go goes, what may not stays, and nobody notices.

use super::{
    LIMITS, TestDatabase, act, at, count, new_session, password, session, session_id, tamper, token_hash,
    user, with_alice,
};
use crate::domain::{Session, Timestamp};
use crate::store::{NewSession, PurgeCursor, Store};

const DAY: i64 = 86_400_000;

/// All steps through the sessions and the users.
async fn purge(store: &Store, now: Timestamp) {
    let (mut sessions, mut users) = (PurgeCursor::default(), PurgeCursor::default());
    loop {
        sessions = store.purge_sessions(sessions, now).await.unwrap();
        if sessions.is_at_the_beginning() {
            break;
        }
    }
    loop {
        users = store.purge_users(users, now).await.unwrap();
        if users.is_at_the_beginning() {
            break;
        }
    }
    store.purge_outdated(now).await.unwrap();
}

pub(super) async fn sessions_go_when_nothing_asks_for_them(database: &impl TestDatabase) {
    let (store, alice) = with_alice(database).await;
    for (number, ended, expires, tokens_until) in [
        (10, None, 900_000, 5000),
        (11, Some(2000), 900_000, 5000),
        (12, Some(2000), 900_000, 100_000),
        (13, None, 50_000, 5000),
        (14, None, 80_000, 5000),
    ] {
        let changed = Session {
            ended: ended.map(at),
            expires: at(expires),
            tokens_until: at(tokens_until),
            ..session(number, &alice)
        };
        let new = NewSession { session: changed, ..new_session(number, &alice) };
        store.open_session(new, alice.proof(), &act(1000)).await.unwrap().unwrap();
    }
    let left = async || {
        let mut left = Vec::new();
        for number in 10..15 {
            if store.lookup_session_with_user(session_id(number)).await.unwrap().is_some() {
                left.push(number);
            }
        }
        left
    };
    purge(&store, at(64_999)).await;
    assert_eq!(left().await, [10, 11, 12, 13, 14], "tokens have a minute more");
    purge(&store, at(65_000)).await;
    assert_eq!(left().await, [10, 12, 14]);
    purge(&store, at(160_000)).await;
    assert_eq!(left().await, [10]);
}

pub(super) async fn a_table_is_passed_in_steps(database: &impl TestDatabase) {
    let (store, alice) = with_alice(database).await;
    store.open_session(new_session(1, &alice), alice.proof(), &act(1000)).await.unwrap().unwrap();
    // 2500 beside it, every second one ended.
    let rows: Vec<_> = (2..2502)
        .map(|i| {
            let ended = if i % 2 == 0 { "2000" } else { "NULL" };
            format!("(x'{i:032}', x'{:032}', 'pwd', 1000, 1001, 1002, 90000000, {ended}, 0, 5000)", 1)
        })
        .collect();
    let columns = "id, user_id, amr, auth_time, created, used, expires, ended, generation, tokens_until";
    tamper(&store, format!("INSERT INTO sessions ({columns}) VALUES {}", rows.join(", "))).await;
    assert_eq!(count(&store, "SELECT COUNT(*) FROM sessions").await, 2501);
    let now = at(70_000);
    let mut cursor = PurgeCursor::default();
    let mut steps = 0;
    loop {
        let before = count(&store, "SELECT COUNT(*) FROM sessions").await;
        cursor = store.purge_sessions(cursor, now).await.unwrap();
        let removed = before - count(&store, "SELECT COUNT(*) FROM sessions").await;
        assert!(removed <= 200, "{removed} at once");
        steps += 1;
        if cursor.is_at_the_beginning() {
            break;
        }
    }
    assert!(steps >= 7, "{steps}");
    assert_eq!(count(&store, "SELECT COUNT(*) FROM sessions WHERE ended IS NOT NULL").await, 0);
    assert_eq!(count(&store, "SELECT COUNT(*) FROM sessions").await, 1250);
}

pub(super) async fn deleted_users_go_after_their_names_have_rested(database: &impl TestDatabase) {
    let (store, alice) = with_alice(database).await;
    store.insert_user(&user(2, "root"), &password("x"), &act(1)).await.unwrap();
    store.open_session(new_session(10, &alice), alice.proof(), &act(1000)).await.unwrap().unwrap();
    store.delete_user(alice.id, None, LIMITS, &act(2000)).await.unwrap();
    let users = "SELECT COUNT(*) FROM users";
    purge(&store, at(2000 + 90 * DAY - 1)).await;
    assert_eq!(count(&store, users).await, 2);
    purge(&store, at(2000 + 90 * DAY)).await;
    assert_eq!(count(&store, users).await, 1);
    assert!(store.lookup_user(user(2, "root").id).await.unwrap().is_some());
}

pub(super) async fn a_deleted_user_waits_for_its_sessions(database: &impl TestDatabase) {
    let (store, alice) = with_alice(database).await;
    store.insert_user(&user(2, "root"), &password("x"), &act(1)).await.unwrap();
    store.open_session(new_session(10, &alice), alice.proof(), &act(1000)).await.unwrap().unwrap();
    store.delete_user(alice.id, None, LIMITS, &act(2000)).await.unwrap();
    let now = at(100 * DAY);
    store.purge_users(PurgeCursor::default(), now).await.unwrap();
    assert_eq!(count(&store, "SELECT COUNT(*) FROM users").await, 2);
    store.purge_sessions(PurgeCursor::default(), now).await.unwrap();
    store.purge_users(PurgeCursor::default(), now).await.unwrap();
    assert_eq!(count(&store, "SELECT COUNT(*) FROM users").await, 1);
}

pub(super) async fn what_has_had_its_time_goes(database: &impl TestDatabase) {
    let (store, alice) = with_alice(database).await;
    store.open_session(new_session(10, &alice), alice.proof(), &act(1000)).await.unwrap().unwrap();
    store.revoke_all_sessions(alice.id, LIMITS, &act(2000)).await.unwrap();
    store.insert_reset_code(alice.id, token_hash(1, 1), at(70_000), &act(2000)).await.unwrap();
    // Ids of the tests are small numbers, which as moments are long ago; these are of 65535 and 65536.
    for sql in [
        "UPDATE security_events SET id = x'00000000ffff70008000000000000001' WHERE kind = 8",
        "UPDATE security_events SET id = x'00000001000070008000000000000001' WHERE kind = 4",
    ] {
        tamper(&store, sql).await;
    }
    let left = async || {
        let revocations = count(&store, "SELECT COUNT(*) FROM revocations").await;
        let codes = count(&store, "SELECT COUNT(*) FROM reset_codes").await;
        (revocations, codes, count(&store, "SELECT COUNT(*) FROM security_events").await)
    };
    assert_eq!(left().await, (1, 1, 2));
    store.purge_outdated(at(64_999)).await.unwrap();
    assert_eq!(left().await, (1, 1, 2));
    store.purge_outdated(at(65_000)).await.unwrap();
    assert_eq!(left().await, (0, 1, 2));
    store.purge_outdated(at(70_000)).await.unwrap();
    assert_eq!(left().await, (0, 0, 2));
    store.purge_outdated(at(90 * DAY + 65_535)).await.unwrap();
    assert_eq!(left().await, (0, 0, 2));
    store.purge_outdated(at(90 * DAY + 65_536)).await.unwrap();
    assert_eq!(left().await, (0, 0, 1), "90 days after it happened, and not before");
    store.purge_outdated(at(90 * DAY + 65_537)).await.unwrap();
    assert_eq!(left().await, (0, 0, 0));
}
