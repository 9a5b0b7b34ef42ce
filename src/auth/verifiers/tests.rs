//! Room for verifiers, and for those that wait for them.

use super::*;

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
        self.verifiers.admit(user_id(user), &hello, None, moment).map(|(id, _)| id)
    }

    async fn missing(&self) -> Missing {
        self.verifiers.wait_for(at(1), self.now, (Waiter::default(), true)).await
    }
}

fn user_id(number: u8) -> UserId {
    UserId::from_uuid(uuid::Uuid::from_u128(u128::from(number)))
}

fn at(sequence: i64) -> TrustPosition {
    TrustPosition { incarnation: [1; 16], sequence }
}

#[tokio::test]
async fn absent_verifiers_lock_nobody_out_and_are_still_waited_for() {
    let mut scene = Scene::begin();
    let stolen: Vec<_> = (0..MOST_OF_USER).map(|_| scene.admit(1, "stolen").unwrap()).collect();
    scene.admit(1, "orders-1").unwrap_err();
    scene.admit(2, "stock-1").unwrap();
    stolen.iter().for_each(|id| scene.verifiers.lose(*id));
    let orders = scene.admit(1, "orders-1").unwrap();
    scene.admit(1, "orders-2").unwrap();

    scene.verifiers.acknowledge(orders, Some(at(1)), scene.now);
    let missing = scene.missing().await;
    assert_eq!((missing.count, missing.names.len()), (MOST_OF_USER + 2, MOST_OF_USER));
    assert!(!missing.names.contains(&"orders-1".to_owned()));
    // When their leases are over, nobody waits for those whose places were taken either.
    scene.now += Duration::from_secs(600);
    scene.verifiers.sweep(scene.now);
    scene.admit(1, "orders-3").unwrap();
    let pending = scene.verifiers.lock().lacking(at(1), scene.now);
    assert_eq!(pending.len(), 1);
}

#[tokio::test]
async fn who_waits_for_a_verifier_whose_place_is_taken_waits_on() {
    let scene = Scene::begin();
    let ids: Vec<_> = (0..MOST_OF_USER).map(|_| scene.admit(1, "old").unwrap()).collect();
    let (first, rest) = ids.split_first().unwrap();
    rest.iter().for_each(|id| scene.verifiers.acknowledge(*id, Some(at(1)), scene.now));
    let mut waiting = scene.verifiers.begin_wait(at(1), Waiter::default()).unwrap();
    scene.verifiers.lose(*first);
    scene.admit(1, "new").unwrap();
    assert!(waiting.told.try_recv().is_err());
    assert_eq!(waiting.missing(true), Missing { count: 1, names: Vec::new() });

    let mut waiting = scene.verifiers.begin_wait(at(1), Waiter::default()).unwrap();
    scene.verifiers.sweep(scene.now + Duration::from_secs(600));
    waiting.told.try_recv().unwrap();
}

#[tokio::test]
async fn who_may_not_see_the_names_learns_how_many_are_missing() {
    let scene = Scene::begin();
    scene.admit(1, "orders-2").unwrap();
    scene.admit(1, "orders-1").unwrap();
    let names = vec!["orders-1".to_owned(), "orders-2".to_owned()];
    assert_eq!(scene.missing().await, Missing { count: 2, names });
    let unnamed = scene.verifiers.wait_for(at(1), scene.now, (Waiter::default(), false)).await;
    assert_eq!(unnamed, Missing { count: 2, names: Vec::new() });
}

#[test]
fn a_wait_that_nobody_waits_for_any_more_takes_no_room() {
    let scene = Scene::begin();
    scene.admit(1, "orders-1").unwrap();
    for _ in 0..10_000 {
        drop(scene.verifiers.begin_wait(at(1), Waiter::default()).unwrap());
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
