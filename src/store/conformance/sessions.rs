//! Sessions.

use super::{LIMITS, TestDatabase, act, at, count, new_session, password, session_id, tamper, user};
use crate::domain::{AuthMethods, Epoch, ProofEpoch, SessionLimits, User, UserState};
use crate::store::Store;

async fn with_alice(database: &impl TestDatabase) -> (Store, User) {
    let store = database.open().await;
    let alice = user(1, "Alice");
    store.insert_user(&alice, &password("x"), &act(1)).await.unwrap();
    (store, alice)
}

pub(super) async fn a_session_is_read_back_with_its_user(database: &impl TestDatabase) {
    let (store, alice) = with_alice(database).await;
    store.insert_user(&user(2, "bob"), &password("x"), &act(1)).await.unwrap();
    assert!(store.open_session(new_session(10, &alice), alice.proof(), &act(1)).await.unwrap().is_some());
    let (found, owner) = store.lookup_session_with_user(session_id(10)).await.unwrap().unwrap();
    assert_eq!((found.id, found.user_id), (session_id(10), alice.id));
    assert_eq!(found.methods, AuthMethods::Password);
    assert_eq!((found.auth_time, found.created), (at(1000), at(1001)));
    assert_eq!((found.used, found.expires, found.ended), (at(1002), at(9000), None));
    assert_eq!((owner.id, owner.created), (alice.id, alice.created));
    assert_eq!(owner.username.shown(), "Alice");
    assert_eq!(owner.roles, alice.roles);
    assert!(store.lookup_session_with_user(session_id(11)).await.unwrap().is_none());
}

pub(super) async fn a_session_of_an_old_epoch_is_not_opened(database: &impl TestDatabase) {
    let (store, alice) = with_alice(database).await;
    // The password is read and hashed; meanwhile somebody ends all of alice's tokens.
    let (read, _) = store.find_user_by_name(&alice.username).await.unwrap().unwrap();
    tamper(&store, "UPDATE users SET epoch = epoch + 1").await;
    assert!(store.open_session(new_session(10, &alice), read.proof(), &act(1)).await.unwrap().is_none());
    assert_eq!(count(&store, "SELECT COUNT(*) FROM sessions").await, 0);
    assert!(
        store
            .open_session(new_session(10, &alice), ProofEpoch::from_number(2), &act(1))
            .await
            .unwrap()
            .is_some()
    );
}

pub(super) async fn a_session_of_a_disabled_or_unknown_user_is_not_opened(database: &impl TestDatabase) {
    let store = database.open().await;
    let disabled = User { state: UserState::Disabled, ..user(1, "alice") };
    store.insert_user(&disabled, &password("x"), &act(1)).await.unwrap();
    for user in [disabled, user(2, "nobody")] {
        assert!(store.open_session(new_session(10, &user), user.proof(), &act(1)).await.unwrap().is_none());
    }
    assert_eq!(count(&store, "SELECT COUNT(*) FROM sessions").await, 0);
}

pub(super) async fn a_use_moves_forward_only(database: &impl TestDatabase) {
    let (store, alice) = with_alice(database).await;
    for number in [10, 11] {
        assert!(
            store.open_session(new_session(number, &alice), alice.proof(), &act(1)).await.unwrap().is_some()
        );
    }
    // Three replicas whose clocks differ.
    for (now, expected) in [(2000, 2000), (1500, 2000), (2000, 2000), (2001, 2001)] {
        assert!(store.record_use(session_id(10), at(now), (Epoch::FIRST, at(5000)), &LIMITS).await.unwrap());
        assert_eq!(used(&store, 10).await, expected);
    }
    assert_eq!(used(&store, 11).await, 1002, "no other session");
}

pub(super) async fn a_use_of_a_dead_session_is_not_recorded(database: &impl TestDatabase) {
    let (store, alice) = with_alice(database).await;
    assert!(store.open_session(new_session(10, &alice), alice.proof(), &act(1)).await.unwrap().is_some());
    assert!(
        !store.record_use(session_id(11), at(2000), (Epoch::FIRST, at(5000)), &LIMITS).await.unwrap(),
        "unknown"
    );
    assert!(
        !store.record_use(session_id(10), at(9000), (Epoch::FIRST, at(5000)), &LIMITS).await.unwrap(),
        "expired"
    );
    let raised = (Epoch::from_number(2), at(5000));
    assert!(!store.record_use(session_id(10), at(8998), raised, &LIMITS).await.unwrap(), "of another epoch");
    let shorter = SessionLimits { absolute: std::time::Duration::from_millis(7000), ..LIMITS };
    let first = (Epoch::FIRST, at(5000));
    assert!(!store.record_use(session_id(10), at(8001), first, &shorter).await.unwrap(), "a shorter limit");
    tamper(&store, "UPDATE users SET state = 2").await;
    assert!(!store.record_use(session_id(10), at(8998), first, &LIMITS).await.unwrap(), "disabled");
    tamper(&store, "UPDATE users SET state = 1").await;
    assert!(store.record_use(session_id(10), at(8999), (Epoch::FIRST, at(5000)), &LIMITS).await.unwrap());
    tamper(&store, "UPDATE sessions SET ended = 5000").await;
    assert!(
        !store.record_use(session_id(10), at(8999), (Epoch::FIRST, at(5000)), &LIMITS).await.unwrap(),
        "ended"
    );
    assert_eq!(used(&store, 10).await, 8999);
    let (found, _) = store.lookup_session_with_user(session_id(10)).await.unwrap().unwrap();
    assert_eq!(found.ended, Some(at(5000)));
}

async fn used(store: &Store, number: u128) -> i64 {
    let found = store.lookup_session_with_user(session_id(number)).await.unwrap();
    found.unwrap().0.used.as_millis()
}
