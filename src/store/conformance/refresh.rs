//! Refresh tokens.

use tokio::task::JoinSet;

use super::{
    LIMITS, TestDatabase, act, at, count, new_session, session_id, tamper, token_hash, user, with_alice,
};
use crate::domain::{
    Epoch, Generation, Presentation, PresentedRefresh, RefreshChain, RetryHash, Salt, SessionLimits, User,
};
use crate::store::{Rotation, Store};

fn retry(number: u8) -> Option<RetryHash> {
    Some(RetryHash::from_bytes([number; 32]))
}

fn salt(number: u8) -> Salt {
    Salt::from_bytes([number; 32])
}

/// The rotation of session 10 from what `from` says, with this retry key.
fn rotation(from: RefreshChain, user: &User, key: u8) -> Rotation {
    let next = u8::try_from(from.generation.number()).unwrap() + 1;
    Rotation {
        session: session_id(10),
        from,
        to: from.rotate(token_hash(u128::from(key), next), salt(key), retry(key)),
        epoch: user.epoch,
        tokens_until: at(6000),
        limits: LIMITS,
    }
}

async fn chain(store: &Store) -> RefreshChain {
    store.lookup_refreshable(session_id(10)).await.unwrap().unwrap().chain.unwrap()
}

async fn with_session(database: &impl TestDatabase) -> (Store, User) {
    let (store, alice) = with_alice(database).await;
    assert!(store.open_session(new_session(10, &alice), alice.proof(), &act(1000)).await.unwrap().is_some());
    (store, alice)
}

pub(super) async fn a_rotation_is_read_back_as_it_was_written(database: &impl TestDatabase) {
    let (store, alice) = with_session(database).await;
    let first = chain(&store).await;
    assert_eq!(first, RefreshChain::start(token_hash(10, 1)));
    let rotation = rotation(first, &alice, 7);
    assert!(store.rotate_refresh(&rotation, &act(2000)).await.unwrap());
    let found = store.lookup_refreshable(session_id(10)).await.unwrap().unwrap();
    assert_eq!(found.chain, Some(rotation.to));
    assert_eq!(found.user.id, alice.id);
    let session = found.session;
    assert_eq!((session.auth_time, session.used, session.tokens_until), (at(2000), at(2000), at(6000)));
    assert_eq!((session.created, session.expires), (at(1001), at(9000)));
    assert_eq!(session.origin.address, Some([192, 0, 2, 9].into()));
    assert!(store.lookup_refreshable(session_id(11)).await.unwrap().is_none());
}

pub(super) async fn of_many_rotations_of_one_token_one_wins(database: &impl TestDatabase) {
    let (store, alice) = with_session(database).await;
    let stores = [store.clone(), database.open().await];
    for round in 0..10 {
        let from = chain(&store).await;
        let mut calls = JoinSet::new();
        for number in 0..20_u8 {
            let (store, rotation) = (stores[usize::from(number % 2)].clone(), rotation(from, &alice, number));
            calls.spawn(async move { store.rotate_refresh(&rotation, &act(2000)).await.unwrap() });
        }
        let won = calls.join_all().await.into_iter().filter(|won| *won).count();
        assert_eq!(won, 1, "round {round}");
        assert_eq!(chain(&store).await.generation, from.generation.next());
    }
}

pub(super) async fn nothing_is_spent_where_something_has_changed(database: &impl TestDatabase) {
    let (store, alice) = with_session(database).await;
    let from = chain(&store).await;
    let good = rotation(from, &alice, 1);
    let limits = |idle| SessionLimits { idle: std::time::Duration::from_millis(idle), ..LIMITS };
    for (rotation, now) in [
        (Rotation { epoch: Epoch::from_number(2), ..good.clone() }, 2000),
        (Rotation { session: session_id(11), ..good.clone() }, 2000),
        (Rotation { limits: limits(998), ..good.clone() }, 2000),
        (good.clone(), 9000),
        (Rotation { from: good.to, ..good.clone() }, 2000),
        (Rotation { from: RefreshChain { current: token_hash(9, 9), ..from }, ..good.clone() }, 2000),
    ] {
        assert!(!store.rotate_refresh(&rotation, &act(now)).await.unwrap(), "{rotation:?} at {now}");
    }
    for (change, repair) in [
        ("UPDATE users SET state = 2", "UPDATE users SET state = 1"),
        ("UPDATE sessions SET ended = 1500", "UPDATE sessions SET ended = NULL"),
    ] {
        tamper(&store, change).await;
        assert!(!store.rotate_refresh(&good, &act(2000)).await.unwrap(), "{change}");
        tamper(&store, repair).await;
    }
    assert_eq!(chain(&store).await, from);
    let other = user(2, "bob");
    assert_eq!(other.epoch, alice.epoch);
    assert!(store.rotate_refresh(&Rotation { limits: limits(999), ..good }, &act(2000)).await.unwrap());
}

pub(super) async fn a_repetition_is_noted_while_the_token_is_the_current_one(database: &impl TestDatabase) {
    let (store, alice) = with_session(database).await;
    let from = chain(&store).await;
    let spent = rotation(from, &alice, 1);
    assert!(store.rotate_refresh(&spent, &act(2000)).await.unwrap());
    let repeated = Rotation { from: spent.to, tokens_until: at(7000), ..spent.clone() };
    assert!(store.record_repetition(&repeated, &act(3000)).await.unwrap());
    let found = store.lookup_refreshable(session_id(10)).await.unwrap().unwrap();
    assert_eq!((found.session.auth_time, found.session.tokens_until), (at(3000), at(7000)));
    assert_eq!(found.chain, Some(spent.to));
    // Its moment never goes back.
    let earlier = Rotation { tokens_until: at(100), ..repeated.clone() };
    assert!(store.record_repetition(&earlier, &act(2500)).await.unwrap());
    let found = store.lookup_refreshable(session_id(10)).await.unwrap().unwrap();
    assert_eq!((found.session.auth_time, found.session.tokens_until), (at(3000), at(7000)));
    assert!(store.rotate_refresh(&rotation(spent.to, &alice, 2), &act(3000)).await.unwrap());
    assert!(!store.record_repetition(&repeated, &act(3000)).await.unwrap());
}

pub(super) async fn reuse_ends_the_session_once_and_only_if_it_is_reuse(database: &impl TestDatabase) {
    let (store, alice) = with_session(database).await;
    let first = chain(&store).await;
    let spent = rotation(first, &alice, 1);
    assert!(store.rotate_refresh(&spent, &act(2000)).await.unwrap());
    let presented = |retry| PresentedRefresh { generation: Generation::FIRST, token: first.current, retry };
    assert_eq!(spent.to.judge(&presented(retry(1))), Presentation::Repeats(salt(1)));
    let end = async |presented| store.end_reused(session_id(10), presented, &act(2500)).await.unwrap();
    assert!(!end(presented(retry(1))).await, "a repetition is none");
    assert!(end(presented(retry(2))).await);
    assert!(!end(presented(retry(2))).await, "it is over");
    let (session, _) = store.lookup_session_with_user(session_id(10)).await.unwrap().unwrap();
    assert_eq!(session.ended, Some(at(2500)));
    assert_eq!(count(&store, "SELECT COUNT(*) FROM security_events WHERE kind = 2").await, 1);
    assert_eq!(count(&store, "SELECT COUNT(*) FROM revocations WHERE kind = 2").await, 1);
    assert!(!store.rotate_refresh(&rotation(spent.to, &alice, 2), &act(2600)).await.unwrap());
}
