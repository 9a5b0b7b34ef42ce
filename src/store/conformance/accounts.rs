//! What happens to users.

use tokio::task::JoinSet;

use super::{LIMITS, TestDatabase, act, at, count, new_session, password, token_hash, user, with_alice};
use crate::domain::{EventId, EventKind, ProofEpoch, Roles, SecurityEvent, User, UserState, Username};
use crate::store::{ActError, Store};

const DAY: i64 = 86_400_000;

async fn insert(store: &Store, number: u128, name: &str, roles: &[&str]) -> User {
    let user = User { roles: Roles::parse(roles.iter().copied()).unwrap(), ..user(number, name) };
    store.insert_user(&user, &password("x"), &act(1)).await.unwrap();
    user
}

async fn epoch(store: &Store, user: &User) -> i64 {
    store.lookup_user(user.id).await.unwrap().unwrap().epoch.number()
}

pub(super) async fn a_disabled_user_loses_sessions_and_reset_code(database: &impl TestDatabase) {
    let (store, alice) = with_alice(database).await;
    insert(&store, 2, "other-admin", &["admin"]).await;
    store.open_session(new_session(10, &alice), alice.proof(), &act(1000)).await.unwrap().unwrap();
    store.insert_reset_code(alice.id, token_hash(1, 1), at(9000), &act(1000)).await.unwrap();
    let disabled = store.disable_user(alice.id, LIMITS, &act(2000)).await.unwrap();
    assert_eq!((disabled.state, disabled.epoch.number()), (UserState::Disabled, 2));
    assert!(store.list_sessions(alice.id, at(2000), &LIMITS, 10).await.unwrap().is_empty());
    assert!(!store.has_reset_code(alice.id, token_hash(1, 1), at(2000)).await.unwrap());
    // Once more changes nothing, and enabling brings no session back.
    store.disable_user(alice.id, LIMITS, &act(3000)).await.unwrap();
    assert_eq!(epoch(&store, &alice).await, 2);
    let enabled = store.enable_user(alice.id, &act(3000)).await.unwrap();
    assert_eq!((enabled.state, enabled.epoch.number()), (UserState::Active, 2));
    assert!(store.list_sessions(alice.id, at(3000), &LIMITS, 10).await.unwrap().is_empty());
    assert_eq!(count(&store, "SELECT COUNT(*) FROM security_events WHERE kind IN (10, 11)").await, 2);
}

pub(super) async fn the_last_admin_stays(database: &impl TestDatabase) {
    let store = database.open().await;
    store.ensure_trust_counter([7; 16]).await.unwrap();
    let first = insert(&store, 1, "first", &["admin", "service"]).await;
    let second = insert(&store, 2, "second", &["a", "admin"]).await;
    for (number, roles) in [(3, &["administrator"][..]), (4, &["xadmin", "z"]), (5, &["admin2"])] {
        insert(&store, number, &format!("user{number}"), roles).await;
    }
    store.disable_user(second.id, LIMITS, &act(2)).await.unwrap();
    let none = Roles::default();
    let refused = |outcome: Result<User, ActError>| matches!(outcome, Err(ActError::LastAdmin));
    assert!(refused(store.disable_user(first.id, LIMITS, &act(3)).await));
    assert!(refused(store.set_roles(first.id, none.clone(), &act(3)).await));
    let deleted = store.delete_user(first.id, None, LIMITS, &act(3)).await;
    assert!(matches!(deleted, Err(ActError::LastAdmin)));
    assert_eq!(epoch(&store, &first).await, 1, "nothing has happened");
    store.set_roles(first.id, Roles::parse(["admin"]).unwrap(), &act(3)).await.unwrap();
    store.enable_user(second.id, &act(4)).await.unwrap();
    store.set_roles(first.id, none, &act(5)).await.unwrap();
    assert!(refused(store.disable_user(second.id, LIMITS, &act(6)).await));
}

pub(super) async fn of_two_admins_who_demote_each_other_one_stays(database: &impl TestDatabase) {
    let store = database.open().await;
    store.ensure_trust_counter([7; 16]).await.unwrap();
    let stores = [store.clone(), database.open().await];
    for round in 0..10_u128 {
        let admins = [
            insert(&store, 100 + round * 2, &format!("one{round}"), &["admin"]).await,
            insert(&store, 101 + round * 2, &format!("two{round}"), &["admin"]).await,
        ];
        let mut calls = JoinSet::new();
        for (store, admin) in stores.iter().zip(&admins) {
            let (store, id) = (store.clone(), admin.id);
            calls.spawn(async move { store.set_roles(id, Roles::default(), &act(2)).await.is_ok() });
        }
        let demoted = calls.join_all().await.into_iter().filter(|demoted| *demoted).count();
        assert_eq!(demoted, 1, "round {round}");
        assert_eq!(count(&store, "SELECT COUNT(*) FROM users WHERE roles = 'admin'").await, 1);
        super::tamper(&store, "UPDATE users SET roles = ''").await;
    }
}

pub(super) async fn new_roles_end_tokens_and_not_sessions(database: &impl TestDatabase) {
    let (store, alice) = with_alice(database).await;
    store.open_session(new_session(10, &alice), alice.proof(), &act(1000)).await.unwrap().unwrap();
    let roles = Roles::parse(["admin", "billing"]).unwrap();
    let changed = store.set_roles(alice.id, roles.clone(), &act(2000)).await.unwrap();
    assert_eq!((changed.roles, changed.epoch.number()), (roles.clone(), 2));
    assert_eq!(store.list_sessions(alice.id, at(2000), &LIMITS, 10).await.unwrap().len(), 1);
    store.set_roles(alice.id, roles, &act(2000)).await.unwrap();
    assert_eq!(epoch(&store, &alice).await, 2, "the same roles are no change");
    let events = store.list_events(Some(alice.id), None, 10).await.unwrap();
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].detail, "[admin,verifier] -> [admin,billing]");
}

pub(super) async fn a_password_is_changed_only_while_the_old_one_holds(database: &impl TestDatabase) {
    let (store, alice) = with_alice(database).await;
    store.open_session(new_session(10, &alice), alice.proof(), &act(1000)).await.unwrap().unwrap();
    store.insert_reset_code(alice.id, token_hash(1, 1), at(9000), &act(1000)).await.unwrap();
    let proof = |number| (alice.id, ProofEpoch::from_number(number));
    let change = async |number, session| {
        store.change_password(proof(number), password("new"), new_session(session, &alice), &act(2000)).await
    };
    assert!(matches!(change(2, 11).await, Err(ActError::Stale)));
    assert_eq!(store.list_sessions(alice.id, at(2000), &LIMITS, 10).await.unwrap().len(), 1);
    assert_eq!(change(1, 11).await.unwrap().number(), 2);
    let live = store.list_sessions(alice.id, at(2000), &LIMITS, 10).await.unwrap();
    assert_eq!(live.iter().map(|session| session.id).collect::<Vec<_>>(), [super::session_id(11)]);
    let (_, stored) = store.lookup_user_with_password(alice.id).await.unwrap().unwrap();
    assert_eq!(stored, password("new"));
    assert!(!store.has_reset_code(alice.id, token_hash(1, 1), at(2000)).await.unwrap());
}

pub(super) async fn a_reset_code_is_spent_once_and_in_time(database: &impl TestDatabase) {
    let (store, alice) = with_alice(database).await;
    let code = |number| token_hash(number, 1);
    let make = async |number| {
        store.insert_reset_code(alice.id, code(number), at(5000), &act(1000)).await.unwrap();
    };
    let spend = async |number, now| {
        store.reset_password(alice.id, code(number), password("new"), (LIMITS, &act(now))).await.is_ok()
    };
    make(1).await;
    make(2).await;
    assert!(!spend(1, 2000).await, "replaced");
    assert!(!spend(2, 5000).await, "expired");
    assert!(store.has_reset_code(alice.id, code(2), at(4999)).await.unwrap());
    assert!(!store.has_reset_code(alice.id, code(2), at(5000)).await.unwrap());
    assert!(spend(2, 4999).await);
    assert!(!spend(2, 4999).await, "spent");
    assert_eq!(epoch(&store, &alice).await, 2);
    let unknown = store.insert_reset_code(user(9, "x").id, code(3), at(5000), &act(1000)).await;
    assert!(matches!(unknown, Err(ActError::UserNotFound)));
}

pub(super) async fn a_deleted_user_is_nobody_and_its_name_rests(database: &impl TestDatabase) {
    let (store, alice) = with_alice(database).await;
    insert(&store, 2, "other-admin", &["admin"]).await;
    store.open_session(new_session(10, &alice), alice.proof(), &act(1000)).await.unwrap().unwrap();
    let by_itself = |proof| Some(ProofEpoch::from_number(proof));
    let stale = store.delete_user(alice.id, by_itself(2), LIMITS, &act(DAY)).await;
    assert!(matches!(stale, Err(ActError::Stale)));
    store.delete_user(alice.id, by_itself(1), LIMITS, &act(DAY)).await.unwrap();
    let name = Username::parse("ALICE").unwrap();
    assert!(store.lookup_user(alice.id).await.unwrap().is_none());
    assert!(store.lookup_user_with_password(alice.id).await.unwrap().is_none());
    assert!(store.lookup_session_with_user(super::session_id(10)).await.unwrap().is_none());
    assert!(store.lookup_refreshable(super::session_id(10)).await.unwrap().is_none());
    assert!(store.find_user_by_name(&name).await.unwrap().is_none());
    assert!(store.list_users(None, 10).await.unwrap().iter().all(|user| user.id != alice.id));
    let again = store.delete_user(alice.id, None, LIMITS, &act(DAY)).await;
    assert!(matches!(again, Err(ActError::UserNotFound)));
    assert_eq!(count(&store, "SELECT COUNT(*) FROM users WHERE password_hash = ''").await, 1);

    let (rest, newcomer) = (91 * DAY, user(3, "alice"));
    assert!(store.is_name_taken(&name, at(rest - 1)).await.unwrap());
    let early = store.insert_user(&newcomer, &password("y"), &act(rest - 1)).await;
    assert!(matches!(early, Err(ActError::NameTaken)));
    assert!(!store.is_name_taken(&name, at(rest)).await.unwrap());
    store.insert_user(&newcomer, &password("y"), &act(rest)).await.unwrap();
    let (found, _) = store.find_user_by_name(&name).await.unwrap().unwrap();
    assert_eq!(found.id, newcomer.id);
    let events = store.list_events(Some(alice.id), None, 10).await.unwrap();
    assert_eq!((events[0].kind, events[0].detail.as_str()), (EventKind::UserDeleted, "Alice"));
}

pub(super) async fn counted_events_are_written_over_and_listed_by_page(database: &impl TestDatabase) {
    let (store, alice) = with_alice(database).await;
    let event = |number: u128, count| SecurityEvent {
        id: EventId::from_uuid(uuid::Uuid::from_u128(number)),
        kind: EventKind::SignInFailed,
        time: at(1000),
        last_time: at(1000 + i64::try_from(count).unwrap()),
        count,
        user_id: (number.is_multiple_of(2)).then_some(alice.id),
        actor_id: None,
        session_id: None,
        peer: Some("2001:db8::1".parse().unwrap()),
        detail: String::new(),
    };
    store.record_counted_events(&[]).await.unwrap();
    store.record_counted_events(&(1..=4).map(|number| event(number, 1)).collect::<Vec<_>>()).await.unwrap();
    store.record_counted_events(&[event(2, 7), event(5, 1)]).await.unwrap();
    let all = store.list_events(None, None, 10).await.unwrap();
    assert_eq!(all, [event(5, 1), event(4, 1), event(3, 1), event(2, 7), event(1, 1)]);
    let page = store.list_events(None, Some(all[1].id), 2).await.unwrap();
    assert_eq!(page, all[2..4]);
    assert_eq!(store.list_events(Some(alice.id), None, 10).await.unwrap(), [event(4, 1), event(2, 7)]);
}
