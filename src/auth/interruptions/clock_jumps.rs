//! A clock that is wrong for a while.

use std::sync::atomic::Ordering;

use countersign_test_servers::Postgres;

use super::super::{Error, Janitor};
use super::{House, context};

const DAY_MILLIS: i64 = 86_400_000;
/// Beyond every database server's clock.
const CENTURY_MILLIS: i64 = 36_525 * DAY_MILLIS;

#[tokio::test]
async fn a_clock_that_jumps_ahead_and_is_set_right_revives_no_revoked_token() {
    let mut house = House::build().await;
    let issued = house.sign_in().await;
    house.authority.revoke_token(&issued.token, &context()).await.unwrap();
    let mut janitor = Janitor::new(house.authority.clone());

    house.hands.now.fetch_add(DAY_MILLIS, Ordering::Relaxed);
    janitor.clean().await.unwrap();
    house.hands.now.fetch_sub(DAY_MILLIS, Ordering::Relaxed);
    assert!(matches!(house.greet(&issued), Err(Error::TokenRevoked)));
    // Nor has it left the database.
    house.restart().await;
    assert!(matches!(house.greet(&issued), Err(Error::TokenRevoked)));
}

#[tokio::test]
async fn what_no_token_can_meet_any_more_is_forgotten() {
    let house = House::build().await;
    let issued = house.sign_in().await;
    house.authority.revoke_token(&issued.token, &context()).await.unwrap();
    let mut janitor = Janitor::new(house.authority.clone());
    house.hands.now.fetch_add(DAY_MILLIS, Ordering::Relaxed);
    house.hands.passed.fetch_add(DAY_MILLIS.unsigned_abs(), Ordering::Relaxed);
    janitor.clean().await.unwrap();
    assert!(house.authority.parts().store.trust().is_empty());
}

/// Others still go by the server's clock, and may have to be told.
#[tokio::test]
async fn who_is_ahead_of_the_database_servers_clock_forgets_nothing() {
    let Some(server) = Postgres::shared() else { return };
    for (passed, forgets) in [(DAY_MILLIS, true), (CENTURY_MILLIS, false)] {
        let mut house = House::build_on(&server.create_database()).await;
        let issued = house.sign_in().await;
        house.authority.revoke_token(&issued.token, &context()).await.unwrap();
        let mut janitor = Janitor::new(house.authority.clone());
        house.hands.now.fetch_add(passed, Ordering::Relaxed);
        house.hands.passed.fetch_add(passed.unsigned_abs(), Ordering::Relaxed);
        janitor.clean().await.unwrap();
        assert_eq!(house.authority.parts().store.trust().is_empty(), forgets, "here");
        house.hands.now.fetch_sub(passed, Ordering::Relaxed);
        house.restart().await;
        assert_eq!(house.authority.parts().store.trust().is_empty(), forgets, "in the database");
    }
}
