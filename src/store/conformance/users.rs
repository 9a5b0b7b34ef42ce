//! Users.

use tokio::task::JoinSet;

use super::{LIMITS, TestDatabase, act, act_of, at, count, new_session, password, session_id, user, user_id};
use crate::domain::{Actor, Epoch, ProofEpoch, ProvenAt, Roles, User, UserAt, UserState, Username};
use crate::store::{ActError, Whose};

pub(super) async fn a_user_is_read_back_as_it_was_inserted(database: &impl TestDatabase) {
    let store = database.open().await;
    let plain = user(1, "Ａlice-A\u{30a}");
    let bare = User {
        roles: Roles::default(),
        state: UserState::Disabled,
        epoch: Epoch::from_number(7),
        ..user(2, "bob")
    };
    for user in [&plain, &bare] {
        store.insert_user(user, &password(user.username.mapped()), &act(1)).await.unwrap();
        let found = store.lookup_user(user.id).await.unwrap().unwrap();
        // Byte for byte as it was typed: the spelling is the user's own.
        assert_eq!(found.username.shown().as_bytes(), user.username.shown().as_bytes());
        assert_eq!(found.roles, user.roles);
        assert_eq!(found.state, user.state);
        assert_eq!((found.epoch, found.collapses), (user.epoch, 0));
        assert_eq!(found.created, at(1_700_000_000_123));
        let (named, stored) = store.find_user_by_name(&user.username).await.unwrap().unwrap();
        assert_eq!(named.id, user.id);
        assert_eq!(stored, password(user.username.mapped()));
    }
    assert!(store.lookup_user(user_id(3)).await.unwrap().is_none());
    let nobody = Username::parse("nobody").unwrap();
    assert!(store.find_user_by_name(&nobody).await.unwrap().is_none());
}

pub(super) async fn names_that_differ_in_case_width_or_composition_collide(database: &impl TestDatabase) {
    let store = database.open().await;
    let first = user(1, "Ångström");
    store.insert_user(&first, &password("one"), &act(1)).await.unwrap();
    for (number, name) in [(2, "ångström"), (3, "A\u{30a}ngstro\u{308}m"), (4, "ＡNGSTRÖM")] {
        let name = name.replace('Ａ', "Å");
        let outcome = store.insert_user(&user(number, &name), &password("two"), &act(1)).await;
        assert!(matches!(outcome, Err(ActError::NameTaken)), "{name}");
        let other = Username::parse(&name).unwrap();
        let (found, _) = store.find_user_by_name(&other).await.unwrap().unwrap();
        assert_eq!(found.id, first.id, "{name}");
    }
    // Names that a careless collation joins are two.
    store.insert_user(&user(5, "angstrom"), &password("three"), &act(1)).await.unwrap();
}

pub(super) async fn of_many_inserts_of_one_name_one_wins(database: &impl TestDatabase) {
    let stores = [database.open().await, database.open().await];
    let mut calls = JoinSet::new();
    for number in 0..50_u8 {
        let store = stores[usize::from(number % 2)].clone();
        let name = ["alice", "Alice", "ＡＬＩＣＥ"][usize::from(number % 3)];
        let user = user(u128::from(number) + 1, name);
        calls.spawn(async move { store.insert_user(&user, &password("x"), &act(1)).await });
    }
    let outcomes = calls.join_all().await;
    let won = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    let taken = outcomes.iter().filter(|outcome| matches!(outcome, Err(ActError::NameTaken))).count();
    assert_eq!((won, taken), (1, 49));
    assert_eq!(count(&stores[0], "SELECT COUNT(*) FROM users").await, 1);
}

pub(super) async fn a_password_is_upgraded_only_while_it_is_the_old_one(database: &impl TestDatabase) {
    let store = database.open().await;
    let alice = user(1, "alice");
    let bob = user(2, "bob");
    for user in [&alice, &bob] {
        store.insert_user(user, &password("weak"), &act(1)).await.unwrap();
    }
    let upgrade = async |old: &str, new: &str| {
        store.record_upgraded_password(alice.id, &password(old), &password(new)).await.unwrap()
    };
    assert!(upgrade("weak", "strong").await);
    assert!(!upgrade("weak", "stale").await);
    let (found, stored) = store.find_user_by_name(&alice.username).await.unwrap().unwrap();
    assert_eq!(stored, password("strong"));
    assert_eq!(found.epoch, Epoch::FIRST, "tokens live on");
    let (_, others) = store.find_user_by_name(&bob.username).await.unwrap().unwrap();
    assert_eq!(others, password("weak"));
}

pub(super) async fn a_user_is_inserted_only_while_its_maker_is_who_it_was(database: &impl TestDatabase) {
    let store = database.open().await;
    store.ensure_trust_counter([7; 16]).await.unwrap();
    let admin = user(1, "admin");
    let disabled = User { state: UserState::Disabled, ..user(2, "disabled") };
    for maker in [&admin, &disabled] {
        store.insert_user(maker, &password("x"), &act(1)).await.unwrap();
    }
    let by = |user: &User, epoch, session| {
        let proven = match session {
            Some(_) => ProvenAt::Token(Epoch::from_number(epoch)),
            None => ProvenAt::Password(ProofEpoch::from_number(epoch)),
        };
        let at = UserAt { id: user.id, proven };
        act_of(Some(Actor { at, session }), 2)
    };
    assert!(store.open_session(new_session(10, &admin), admin.proof(), &act(1)).await.unwrap().is_some());
    assert!(store.open_session(new_session(11, &admin), admin.proof(), &act(1)).await.unwrap().is_some());
    let mine = Whose::Of(admin.id);
    store.revoke_session(session_id(11), mine, LIMITS, &act(1500)).await.unwrap();
    let now = admin.epoch.number();
    for by in [
        by(&admin, now + 1, None),
        by(&disabled, disabled.epoch.number(), None),
        by(&user(9, "nobody"), 1, None),
        by(&admin, now, Some(session_id(11))),
        by(&admin, now, Some(session_id(12))),
    ] {
        let outcome = store.insert_user(&user(3, "new"), &password("x"), &by).await;
        assert!(matches!(outcome, Err(ActError::NotAllowedAnyMore)), "{by:?} {outcome:?}");
    }
    assert!(store.lookup_user(user_id(3)).await.unwrap().is_none());
    let by_token = by(&admin, now, Some(session_id(10)));
    store.insert_user(&user(3, "new"), &password("x"), &by_token).await.unwrap();
    let events = store.list_events(Some(user_id(3)), None, 9).await.unwrap();
    assert_eq!((events.len(), events[0].actor_id), (1, Some(admin.id)));
    let plain = User { roles: Roles::default(), ..user(5, "by-itself") };
    store.insert_user(&plain, &password("x"), &act(2)).await.unwrap();
    assert!(store.list_events(Some(plain.id), None, 9).await.unwrap().is_empty());
    let taken = store.insert_user(&user(4, "NEW"), &password("x"), &by(&admin, now, None)).await;
    assert!(matches!(taken, Err(ActError::NameTaken)), "{taken:?}");
}
