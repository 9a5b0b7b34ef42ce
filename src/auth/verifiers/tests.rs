//! Room for verifiers, and for those that wait for them.

use super::*;
use crate::store::{Away, LeaseChanges};

const HOUR: Duration = Duration::from_secs(3600);

struct Scene {
    verifiers: Verifiers,
    now: Instant,
}

impl Scene {
    fn begin() -> Self {
        Self { verifiers: Verifiers::new(HOUR), now: monotonic_now() }
    }

    fn admit(&self, user: u8, name: &str) -> Result<LeaseId, Error> {
        let hello = VerifierHello {
            instance: name.to_owned(),
            run_id: None,
            max_staleness: Duration::from_secs(600),
            accepts_signed: false,
            resume: None,
            nonce: 0,
        };
        let moment = (Timestamp::from_millis(0), self.now);
        self.verifiers.admit(self.key(user), &hello, None, moment).map(|(id, _)| id)
    }

    /// Of a process that has not been seen.
    fn key(&self, user: u8) -> LeaseKey {
        let next = u128::from(self.verifiers.lock().next);
        LeaseKey { user_id: user_id(user), run_id: next.to_be_bytes() }
    }

    fn missing(&self, named: bool) -> Missing {
        self.wait().unwrap().missing(named)
    }

    fn wait(&self) -> Result<Waiting<'_>, Lacking> {
        self.verifiers.begin_wait(at(1), Waiter::default(), false)
    }

    /// What other replicas are told now.
    fn tell(&self) -> LeaseChanges {
        let untold = self.verifiers.untold(at(1), (Timestamp::from_millis(0), self.now));
        self.verifiers.note_told(&untold);
        untold.changes
    }
}

fn user_id(number: u8) -> UserId {
    UserId::from_uuid(uuid::Uuid::from_u128(u128::from(number)))
}

fn at(sequence: i64) -> TrustPosition {
    TrustPosition { incarnation: [1; 16], sequence }
}

#[test]
fn absent_verifiers_lock_nobody_out_and_are_still_waited_for() {
    let mut scene = Scene::begin();
    let stolen: Vec<_> = (0..MOST_OF_USER).map(|_| scene.admit(1, "stolen").unwrap()).collect();
    scene.admit(1, "orders-1").unwrap_err();
    scene.admit(2, "stock-1").unwrap();
    scene.tell();
    stolen.iter().for_each(|id| scene.verifiers.lose(*id));
    let orders = scene.admit(1, "orders-1").unwrap();
    scene.admit(1, "orders-2").unwrap();

    scene.verifiers.acknowledge(orders, Some(at(1)), scene.now);
    let missing = scene.missing(true);
    assert_eq!((missing.count, missing.names.len()), (MOST_OF_USER + 2, MOST_OF_USER));
    // Other replicas keep as many rows, and the number of those that have none.
    let told = scene.tell();
    assert_eq!((told.held.len(), told.ended.len()), (MOST_OF_USER, 2));
    assert_eq!(told.report.displaced, Some((2, Timestamp::from_millis(605_000))));
    assert!(!missing.names.contains(&"orders-1".to_owned()));
    // When their leases are over, nobody waits for those whose places were taken either.
    scene.now += Duration::from_secs(600);
    scene.verifiers.sweep(scene.now);
    scene.admit(1, "orders-3").unwrap();
    let pending = scene.verifiers.lock().lacking(at(1), scene.now);
    assert_eq!(pending.len(), 1);
}

#[test]
fn who_waits_for_a_verifier_whose_place_is_taken_waits_on() {
    let scene = Scene::begin();
    let ids: Vec<_> = (0..MOST_OF_USER).map(|_| scene.admit(1, "old").unwrap()).collect();
    let (first, rest) = ids.split_first().unwrap();
    rest.iter().for_each(|id| scene.verifiers.acknowledge(*id, Some(at(1)), scene.now));
    let mut waiting = scene.wait().unwrap();
    scene.verifiers.lose(*first);
    scene.admit(1, "new").unwrap();
    assert!(waiting.told.try_recv().is_err());
    assert_eq!(waiting.missing(true), Missing { count: 1, names: Vec::new() });

    let mut waiting = scene.wait().unwrap();
    scene.verifiers.sweep(scene.now + Duration::from_secs(600));
    waiting.told.try_recv().unwrap();
}

#[test]
fn who_may_not_see_the_names_learns_how_many_are_missing() {
    let scene = Scene::begin();
    scene.admit(1, "orders-2").unwrap();
    scene.admit(1, "orders-1").unwrap();
    let Missing { count, mut names } = scene.missing(true);
    names.sort();
    assert_eq!((count, &*names), (2, &["orders-1".to_owned(), "orders-2".to_owned()][..]));
    assert_eq!(scene.missing(false), Missing { count: 2, names: Vec::new() });
}

#[test]
fn a_wait_that_nobody_waits_for_any_more_takes_no_room() {
    let scene = Scene::begin();
    scene.admit(1, "orders-1").unwrap();
    for _ in 0..10_000 {
        drop(scene.wait().unwrap());
    }
}

#[test]
fn all_users_together_have_a_bound_and_absent_ones_of_anybody_give_way() {
    let scene = Scene::begin();
    for user in [1, 2] {
        for _ in 0..MOST_OF_USER {
            scene.admit(user, "x").unwrap();
        }
    }
    scene.admit(3, "stock-1").unwrap_err();
    let one = LeaseId { lease: 7, stream: 7 };
    scene.verifiers.lose(one);
    scene.admit(3, "stock-1").unwrap();
    scene.admit(3, "stock-2").unwrap_err();
    scene.verifiers.lose(one);
}

#[test]
fn other_replicas_are_told_how_far_all_are_and_who_comes_and_goes() {
    let scene = Scene::begin();
    let (one, other) = (scene.admit(1, "orders-1").unwrap(), scene.admit(1, "orders-2").unwrap());
    let mut joined = scene.verifiers.join(one);
    assert!(joined.try_recv().is_err());
    scene.verifiers.acknowledge(one, Some(at(1)), scene.now);
    let told = scene.tell();
    assert_eq!((told.held.len(), told.ended.len()), (2, 0));
    assert_eq!((told.report.applied, told.report.lacking), (None, 1));
    assert_eq!(told.report.lacking_names, ["orders-2"]);
    assert_eq!(told.report.until, Timestamp::from_millis(605_000));
    joined.try_recv().unwrap();

    scene.verifiers.acknowledge(other, Some(at(0)), scene.now);
    let told = scene.tell();
    assert_eq!((told.held.len(), told.report.applied, told.report.lacking), (0, Some(0), 1));
    scene.verifiers.acknowledge(other, Some(TrustPosition { incarnation: [2; 16], sequence: 9 }), scene.now);
    assert_eq!(scene.tell().report.applied, None);

    // One that is lost speaks for itself from then on, and one that takes its leave is gone.
    scene.verifiers.lose(one);
    scene.verifiers.dismiss(other);
    let told = scene.tell();
    let away = Away { applied: Some(at(1)), until: Timestamp::from_millis(605_000) };
    assert_eq!(told.held.iter().map(|lease| lease.away).collect::<Vec<_>>(), [Some(away)]);
    assert_eq!((told.ended.len(), told.report.applied, told.report.lacking), (1, Some(1), 0));
    let nothing = scene.tell();
    assert_eq!((nothing.held.len(), nothing.ended.len()), (0, 0));
    // What could not be told is told the next time, and everything where it was forgotten.
    let (three, four) = (scene.admit(1, "orders-3").unwrap(), scene.admit(1, "orders-4").unwrap());
    scene.tell();
    scene.verifiers.dismiss(three);
    drop(scene.verifiers.untold(at(1), (Timestamp::from_millis(0), scene.now)));
    let untold = scene.verifiers.untold(at(1), (Timestamp::from_millis(0), scene.now));
    assert_eq!(untold.changes.ended.len(), 1);
    scene.verifiers.dismiss(four);
    scene.verifiers.note_told(&untold);
    assert_eq!(scene.tell().ended.len(), 1);
    scene.verifiers.tell_anew();
    assert_eq!(scene.tell().held.len(), 1);
}

#[test]
fn whoever_waits_for_one_that_is_back_elsewhere_waits_for_it_no_more_here() {
    let scene = Scene::begin();
    let (one, other) = (scene.admit(1, "orders-1").unwrap(), scene.admit(1, "orders-2").unwrap());
    let mut waiting = scene.wait().unwrap();
    scene.verifiers.lose(one);
    scene.verifiers.lose(other);
    // Before the others know of it, nobody can have heard that it is back.
    scene.verifiers.let_go(&HashSet::new());
    let told = scene.tell();
    let keys: HashSet<_> = told.held.iter().map(|lease| lease.key).collect();
    scene.verifiers.let_go(&keys);
    assert!(waiting.told.try_recv().is_err());
    scene.verifiers.let_go(&keys.into_iter().take(1).collect());
    assert_eq!(scene.missing(true).count, 1);
    scene.verifiers.let_go(&HashSet::new());
    waiting.told.try_recv().unwrap();
    assert!(waiting.is_over());
}

#[test]
fn a_wait_goes_on_for_one_that_has_come_meanwhile() {
    let scene = Scene::begin();
    // There is nobody here, and the wait has its place for those elsewhere.
    let mut waiting = scene.verifiers.begin_wait(at(1), Waiter::default(), true).unwrap();
    waiting.told.try_recv().unwrap();
    assert!(waiting.is_over());
    let come = scene.admit(1, "orders-1").unwrap();
    assert!(!waiting.is_over());
    assert!(waiting.told.try_recv().is_err());
    scene.verifiers.acknowledge(come, Some(at(1)), scene.now);
    waiting.told.try_recv().unwrap();
    assert!(waiting.is_over());
}
