//! Keys while other replicas change them, and while the database is away.

use std::task::{Context, Waker};

use tokio::time::timeout;

use super::*;
use crate::auth::WhichKeys;

/// After which time a call that waits for itself is found out.
const NEVER: Duration = Duration::from_secs(30);

/// Another replica has just changed the ring, and this one does not know it.
async fn rotated_elsewhere() -> (House, Issued) {
    let house = House::build().await;
    let issued = house.sign_in().await;
    let other = authority(open(&house.url, &Faults::default(), &house.hands).await, &house.hands).await;
    let there = other.authenticate_token(&issued.token).unwrap();
    other.rotate_key(&there, &context()).await.unwrap();
    (house, issued)
}

#[tokio::test]
async fn a_key_is_revoked_although_another_replica_has_just_changed_the_ring() {
    let (house, issued) = rotated_elsewhere().await;
    let here = house.greet(&issued).unwrap();
    let first = house.authority.parts().keys.current().ring.ring().keys()[0].key.id().clone();
    let (first, context) = (WhichKeys::One(first), context());
    let revoked = house.authority.revoke_key(&here, &first, &context);
    timeout(NEVER, revoked).await.expect("it waits for itself").unwrap();
    assert!(house.greet(&issued).is_err());
}

#[tokio::test]
async fn those_who_wait_for_keys_that_cannot_be_read_fail_together() {
    let house = House::build().await;
    let parts = house.authority.parts();
    // What was read does not sign any more.
    house.hands.now.fetch_add(61_000, Ordering::Relaxed);
    let change = parts.keys.change().await;
    let mut waiting: Vec<_> = (0..20).map(|_| Box::pin(parts.keys.signing())).collect();
    for one in &mut waiting {
        assert!(one.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    }
    parts.store.close().await.unwrap();
    let failures = parts.keys.failed().0;
    drop(change);
    for one in waiting {
        assert!(matches!(one.await, Err(Error::StoreUnavailable(_))));
    }
    assert_eq!(parts.keys.failed().0, failures + 1);
    // Who comes later asks anew.
    assert!(parts.keys.signing().await.is_err());
    assert_eq!(parts.keys.failed().0, failures + 2);
}

#[tokio::test]
async fn the_log_is_followed_while_keys_are_changed_that_another_replica_has_just_changed() {
    let (house, _) = rotated_elsewhere().await;
    let change = house.authority.parts().keys.change().await;
    change.read().await.unwrap();
    timeout(NEVER, house.authority.follow_trust_log())
        .await
        .expect("it waits for the end of the change")
        .unwrap();
}
