//! What is revoked: the log, the memory, and that they agree.

use countersign_verify::{Claims, KeyId};
use uuid::Uuid;

use super::{
    LIMITS, TestDatabase, act, at, count, new_session, password, session_id, tamper, user, with_alice,
};
use crate::domain::{Roles, Session, SessionLimits, User};
use crate::store::{ActError, Fault, Followed, NewSession, Store, StoreError, Whose};

const KEY_ID: &str = "k4.pid.9ShR3xc8-qVJ_di0tc9nx0IDIqbatdeM2mqLFBJsKRHs";

/// A token of a session, as it would have been issued at an epoch.
pub(super) fn token(user: &User, session: u128, epoch: i64) -> Claims {
    Claims {
        issuer: "countersign".into(),
        audience: "countersign".into(),
        subject: user.id.as_uuid(),
        issued_at: 0,
        not_before: 0,
        expires_at: 10,
        token_id: Uuid::nil(),
        session_id: session_id(session).as_uuid(),
        epoch,
        auth_time: 0,
        name: "Alice".into(),
        roles: Vec::new(),
        amr: Vec::new(),
    }
}

pub(super) fn has_revoked(store: &Store, claims: &Claims) -> bool {
    store.trust().has_revoked(claims, &KeyId::parse(KEY_ID).unwrap())
}

async fn open(store: &Store, user: &User, numbers: std::ops::Range<u128>) {
    for number in numbers {
        let proof = store.lookup_user(user.id).await.unwrap().unwrap().proof();
        assert!(store.open_session(new_session(number, user), proof, &act(1000)).await.unwrap().is_some());
    }
}

pub(super) async fn a_revocation_is_felt_here_at_once_and_elsewhere_by_the_log(database: &impl TestDatabase) {
    let (store, alice) = with_alice(database).await;
    open(&store, &alice, 10..12).await;
    let other = database.open().await;
    store.revoke_session(session_id(10), Whose::Of(alice.id), LIMITS, &act(2000)).await.unwrap();
    let (ended, live) = (token(&alice, 10, 1), token(&alice, 11, 1));
    assert!(has_revoked(&store, &ended) && !has_revoked(&store, &live));
    assert!(!has_revoked(&other, &ended), "another process has not looked yet");
    other.follow_trust_log().await.unwrap();
    assert!(has_revoked(&other, &ended) && !has_revoked(&other, &live));

    // Both write; each knows the other's after it has looked.
    other.revoke_all_sessions(alice.id, LIMITS, &act(2100)).await.unwrap();
    assert!(has_revoked(&other, &live) && !has_revoked(&store, &live));
    store.follow_trust_log().await.unwrap();
    assert!(has_revoked(&store, &live));
    let started_later = database.open().await;
    assert!(has_revoked(&started_later, &ended) && has_revoked(&started_later, &live));
    assert!(!has_revoked(&started_later, &token(&alice, 12, 2)));
}

pub(super) async fn a_write_takes_up_what_others_have_revoked_before_it(database: &impl TestDatabase) {
    let (store, alice) = with_alice(database).await;
    open(&store, &alice, 10..13).await;
    let other = database.open().await;
    let revoke = async |store: &Store, number| {
        store.revoke_session(session_id(number), Whose::Of(alice.id), LIMITS, &act(2000)).await.unwrap();
    };
    revoke(&other, 10).await;
    // Here the first revocation of this process is the second of the log.
    revoke(&store, 11).await;
    assert!(has_revoked(&store, &token(&alice, 10, 1)), "OK means that everything before it is felt");
    assert!(has_revoked(&store, &token(&alice, 11, 1)));
    assert!(!has_revoked(&other, &token(&alice, 11, 1)));
    assert_eq!(store.lookup_trust_counter().await.unwrap().unwrap().sequence, 2);
}

pub(super) async fn nothing_is_logged_that_no_token_can_meet(database: &impl TestDatabase) {
    let (store, alice) = with_alice(database).await;
    open(&store, &alice, 10..12).await;
    // Tokens live until 5000, and a revocation is remembered a minute longer.
    store.revoke_session(session_id(10), Whose::Of(alice.id), LIMITS, &act(8000)).await.unwrap();
    assert_eq!(count(&store, "SELECT forget_at FROM revocations").await, 65_000);
    tamper(&store, "UPDATE sessions SET expires = 900000").await;
    // Every token has expired, as it seems: but the clock may be ahead.
    store.revoke_all_sessions(alice.id, LIMITS, &act(65_000)).await.unwrap();
    assert_eq!(count(&store, "SELECT forget_at FROM revocations").await, 65_000);
    assert_eq!(store.lookup_user(alice.id).await.unwrap().unwrap().epoch.number(), 2);
    // Who had no session has no token either.
    let bob = user(2, "bob");
    store.insert_user(&bob, &password("x"), &act(1000)).await.unwrap();
    store.revoke_all_sessions(bob.id, LIMITS, &act(65_000)).await.unwrap();
    assert_eq!(count(&store, "SELECT COUNT(*) FROM revocations").await, 1);
}

pub(super) async fn an_ending_loop_of_one_user_takes_bounded_room(database: &impl TestDatabase) {
    let (store, alice) = with_alice(database).await;
    let mut epoch = alice.epoch;
    for number in 100..400 {
        // The password was proven at the beginning: nothing that happens here makes it a wrong one.
        let new = new_session(number, &alice);
        epoch = store.open_session(new, alice.proof(), &act(1000)).await.unwrap().unwrap();
        let claims = token(&alice, number, epoch.number());
        assert!(!has_revoked(&store, &claims), "{number}");
        store.revoke_session(session_id(number), Whose::Of(alice.id), LIMITS, &act(2000)).await.unwrap();
        assert!(has_revoked(&store, &claims), "{number}");
        assert!(store.trust().len() <= 130, "{}", store.trust().len());
    }
    assert!(count(&store, "SELECT COUNT(*) FROM revocations").await <= 130);
    assert!(epoch > alice.epoch);
}

pub(super) async fn the_session_that_is_idle_longest_makes_room(database: &impl TestDatabase) {
    let (store, alice) = with_alice(database).await;
    let limits = SessionLimits { per_user: Some(3), ..LIMITS };
    let opening = |number: u128, used| NewSession {
        session: Session { used: at(used), ..new_session(number, &alice).session },
        limits,
        ..new_session(number, &alice)
    };
    for (number, used) in [(10, 3000), (11, 1500), (12, 2000)] {
        store.open_session(opening(number, used), alice.proof(), &act(3000)).await.unwrap().unwrap();
    }
    assert_eq!(count(&store, "SELECT COUNT(*) FROM sessions WHERE ended IS NOT NULL").await, 0);
    store.open_session(opening(13, 3000), alice.proof(), &act(3000)).await.unwrap().unwrap();
    let ended = async |number| {
        let found = store.lookup_session_with_user(session_id(number)).await.unwrap().unwrap();
        found.0.ended.is_some()
    };
    assert!(ended(11).await && !ended(10).await && !ended(12).await && !ended(13).await);
    assert!(has_revoked(&store, &token(&alice, 11, 1)));
    assert_eq!(count(&store, "SELECT COUNT(*) FROM security_events WHERE kind = 3").await, 1);
    // Without a limit none has to go.
    let unlimited = NewSession { limits: LIMITS, ..opening(14, 3000) };
    let unlimited = NewSession { limits: SessionLimits { per_user: None, ..LIMITS }, ..unlimited };
    store.open_session(unlimited, alice.proof(), &act(3000)).await.unwrap().unwrap();
    assert_eq!(store.list_sessions(alice.id, at(3000), &LIMITS, 10).await.unwrap().len(), 4);
}

pub(super) async fn a_session_makes_room_for_its_like_alone(database: &impl TestDatabase) {
    let (store, alice) = with_alice(database).await;
    let opening = |number: u128, most, renewable: bool| {
        let new = new_session(number, &alice);
        let refresh = new.refresh.filter(|_| renewable);
        // Those with refresh tokens are idle for longer than any other.
        let used = at(if renewable { 1500 } else { 2000 + i64::try_from(number).unwrap() });
        let limits = SessionLimits { per_user: most, ..LIMITS };
        NewSession { session: Session { used, ..new.session }, refresh, limits }
    };
    let open = async |number, most, renewable| {
        let new = opening(number, most, renewable);
        store.open_session(new, alice.proof(), &act(3000)).await.unwrap().unwrap();
        let live = store.list_sessions(alice.id, at(3000), &LIMITS, 100).await.unwrap();
        let mut live: Vec<_> = live.iter().map(|session| session.id.as_uuid().as_u128()).collect();
        live.sort_unstable();
        live
    };
    for (number, most, renewable, expected) in [
        (10, Some(1), true, &[10][..]),
        (11, Some(1), false, &[10, 11]),
        (12, Some(1), false, &[10, 12]),
        (13, Some(2), true, &[10, 12, 13]),
        (14, Some(2), false, &[10, 13, 14]),
        (15, Some(8), false, &[10, 13, 14, 15]),
        (16, Some(8), false, &[10, 13, 15, 16]),
        (17, None, false, &[10, 13, 15, 16, 17]),
        (18, None, true, &[10, 13, 15, 16, 17, 18]),
        (19, Some(1), true, &[15, 16, 17, 19]),
    ] {
        assert_eq!(open(number, most, renewable).await, expected, "{number}");
    }
}

pub(super) async fn a_revoked_key_in_the_log_is_read(database: &impl TestDatabase) {
    let (store, alice) = with_alice(database).await;
    tamper(
        &store,
        "INSERT INTO revocations (sequence, kind, key_id, forget_at) \
         VALUES (1, 3, 'k4.pid.9ShR3xc8-qVJ_di0tc9nx0IDIqbatdeM2mqLFBJsKRHs', 9000)",
    )
    .await;
    tamper(&store, "UPDATE trust_counter SET sequence = 1").await;
    assert!(!has_revoked(&store, &token(&alice, 10, 1)));
    store.follow_trust_log().await.unwrap();
    assert!(has_revoked(&store, &token(&alice, 10, 1)));
}

pub(super) async fn a_commit_that_dies_leaves_no_revocation_in_between(database: &impl TestDatabase) {
    let (store, alice) = with_alice(database).await;
    open(&store, &alice, 10..12).await;
    let config = database.config();
    let faults = config.faults.clone();
    let store = {
        store.close().await.unwrap();
        Store::open(&config, at(1)).await.unwrap()
    };
    let revoke = async |number| {
        store.revoke_session(session_id(number), Whose::Of(alice.id), LIMITS, &act(2000)).await
    };
    let unreachable =
        |outcome: Result<(), ActError>| matches!(outcome, Err(ActError::Store(StoreError::Unreachable(_))));
    faults.plan([Some(Fault::BeforeCommit)]);
    assert!(unreachable(revoke(10).await));
    assert!(!has_revoked(&store, &token(&alice, 10, 1)), "nobody is logged out by a fault");
    assert_eq!(count(&store, "SELECT COUNT(*) FROM sessions WHERE ended IS NOT NULL").await, 0);
    revoke(10).await.unwrap();
    assert!(has_revoked(&store, &token(&alice, 10, 1)));

    faults.plan([Some(Fault::AfterCommit)]);
    assert!(unreachable(revoke(11).await));
    assert_eq!(count(&store, "SELECT COUNT(*) FROM sessions WHERE ended IS NOT NULL").await, 2);
    assert!(has_revoked(&store, &token(&alice, 11, 1)), "no revocation is lost");
}

pub(super) async fn a_refused_act_changes_nothing(database: &impl TestDatabase) {
    let (store, alice) = with_alice(database).await;
    open(&store, &alice, 10..11).await;
    let bob = User { roles: Roles::default(), ..user(2, "bob") };
    store.insert_user(&bob, &password("x"), &act(1)).await.unwrap();
    for (whose, number, now) in [
        (Whose::Of(bob.id), 10, 2000),
        (Whose::Of(alice.id), 11, 2000),
        (Whose::AnybodysBy(bob.id), 11, 2000),
        (Whose::Of(alice.id), 10, 9000),
    ] {
        let refused = store.revoke_session(session_id(number), whose, LIMITS, &act(now)).await;
        assert!(matches!(refused, Err(ActError::SessionNotFound)), "{whose:?} {number}");
    }
    assert_eq!(count(&store, "SELECT COUNT(*) FROM revocations").await, 0);
    assert_eq!(count(&store, "SELECT COUNT(*) FROM security_events").await, 0);
    store.revoke_session(session_id(10), Whose::AnybodysBy(bob.id), LIMITS, &act(2000)).await.unwrap();
    assert_eq!(count(&store, "SELECT COUNT(*) FROM security_events WHERE kind = 5").await, 1);
}

/// What a standby that is promoted may lack: the last commits.
async fn lose(store: &Store, last: i64) {
    for table in ["revocations", "trust_marks"] {
        tamper(store, format!("DELETE FROM {table} WHERE sequence >= {last}")).await;
    }
    tamper(store, format!("UPDATE trust_counter SET sequence = {}", last - 1)).await;
}

pub(super) async fn a_log_that_has_lost_its_end_is_noticed_however_it_has_grown_since(
    database: &impl TestDatabase,
) {
    let (store, alice) = with_alice(database).await;
    open(&store, &alice, 100..140).await;
    let other = database.open().await;
    other.ensure_trust_counter([8; 16]).await.unwrap();
    let revoke = async |store: &Store, number| {
        store.revoke_session(session_id(number), Whose::Of(alice.id), LIMITS, &act(2000)).await
    };
    let unreachable =
        |outcome: Result<(), ActError>| matches!(outcome, Err(ActError::Store(StoreError::Unreachable(_))));
    let (mut last, mut sessions) = (0, 100_u128..);
    let mut next = || sessions.next().unwrap();
    for grown in [0, 1, 2, 3] {
        // The other one has not heard of it when it is lost.
        revoke(&store, next()).await.unwrap();
        lose(&store, last + 1).await;
        let since: Vec<_> = (0..grown).map(|_| next()).collect();
        for number in &since {
            revoke(&other, *number).await.unwrap();
        }
        let meanwhile = next();
        assert!(unreachable(revoke(&store, meanwhile).await), "{grown}");
        assert_eq!(store.follow_trust_log().await.unwrap(), Followed::Elsewhere, "{grown}");
        let fresh = [u8::try_from(grown).unwrap() + 100; 16];
        assert!(!store.enter_incarnation(fresh).await.unwrap());
        assert_eq!(store.trust().position().incarnation, fresh);
        assert!(since.iter().all(|number| has_revoked(&store, &token(&alice, *number, 1))), "{grown}");
        assert!(!has_revoked(&store, &token(&alice, meanwhile, 1)), "nothing of it was written");
        revoke(&store, meanwhile).await.unwrap();
        assert_eq!(store.follow_trust_log().await.unwrap(), Followed::ToTheEnd);
        // What the other one knows is all there.
        assert_eq!(other.follow_trust_log().await.unwrap(), Followed::Elsewhere);
        assert!(other.enter_incarnation([0; 16]).await.unwrap());
        assert!(has_revoked(&other, &token(&alice, meanwhile, 1)));
        last = store.trust().position().sequence;
        assert_eq!(last, other.trust().position().sequence);
    }
    // What takes the place of others in the log is no loss.
    revoke(&store, next()).await.unwrap();
    other.follow_trust_log().await.unwrap();
    store.revoke_all_sessions(alice.id, LIMITS, &act(2100)).await.unwrap();
    assert_eq!(other.follow_trust_log().await.unwrap(), Followed::ToTheEnd);
    // Nor is what a program of before has committed, which leaves no mark.
    tamper(&store, "UPDATE trust_counter SET sequence = sequence + 1").await;
    for store in [&store, &other] {
        assert_eq!(store.follow_trust_log().await.unwrap(), Followed::ToTheEnd);
    }
}

pub(super) async fn marks_go_when_nobody_asks_for_them(database: &impl TestDatabase) {
    let (store, alice) = with_alice(database).await;
    open(&store, &alice, 10..11).await;
    tamper(&store, "UPDATE trust_counter SET sequence = 100001").await;
    tamper(&store, "INSERT INTO trust_marks (sequence, mark) VALUES (1, 1), (2, 2)").await;
    store.purge_outdated(at(1)).await.unwrap();
    assert_eq!(count(&store, "SELECT COUNT(*) FROM trust_marks").await, 2);
    store.follow_trust_log().await.unwrap();
    store.revoke_session(session_id(10), Whose::Of(alice.id), LIMITS, &act(2000)).await.unwrap();
    store.purge_outdated(at(1)).await.unwrap();
    assert_eq!(count(&store, "SELECT MIN(sequence) FROM trust_marks").await, 2);
    assert_eq!(count(&store, "SELECT MAX(sequence) FROM trust_marks").await, 100_002);
}
