//! A clock that is wrong for a while.

use std::sync::atomic::Ordering;

use super::super::{Error, Janitor};
use super::{House, context};

const DAY_MILLIS: i64 = 86_400_000;

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
