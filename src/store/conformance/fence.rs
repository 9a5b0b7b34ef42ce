//! Copies, and what fencing one ends.

use countersign_verify::KeyId;

use super::{
    TestDatabase, act, at, count, new_session, password, session_id, tamper, token_hash, user, with_alice,
};
use crate::domain::{Epoch, EventKind, ProofEpoch, TrustPosition};
use crate::store::{Fence, Fenced, Maintenance, OpenError, Store, StoreError, StoredServerKey};

const KEY: &str = "k4.pid.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

fn server_key(text: &str) -> StoredServerKey {
    StoredServerKey { wrapped_key: text.to_owned(), wrapped_by: "k4.lid.x".to_owned() }
}

async fn fence(database: &impl TestDatabase) -> Result<Fenced, OpenError> {
    let maintenance = Maintenance::open_alone(&database.config()).await?;
    let fenced = maintenance
        .fence([9; 16], &act(2000), |ring| {
            assert_eq!(ring, "old ring");
            Ok::<_, OpenError>(Fence {
                ring: "new ring".to_owned(),
                server_key: server_key("new"),
                revoked: vec![(KeyId::parse(KEY).unwrap(), at(9000))],
            })
        })
        .await;
    maintenance.close().await.unwrap();
    fenced
}

/// A database in use, of which this is a copy: it has the mark.
async fn with_mark(database: &impl TestDatabase) -> Store {
    let (store, alice) = with_alice(database).await;
    assert!(store.insert_ring("old ring").await.unwrap());
    assert!(store.insert_server_key(&server_key("old")).await.unwrap());
    store.open_session(new_session(10, &alice), alice.proof(), &act(1000)).await.unwrap().unwrap();
    store.insert_reset_code(alice.id, token_hash(1, 1), at(9000), &act(1000)).await.unwrap();
    tamper(&store, "UPDATE origin SET must_be_fenced = 1").await;
    store
}

pub(super) async fn a_copy_is_refused_until_it_is_fenced(database: &impl TestDatabase) {
    with_mark(database).await.close().await.unwrap();
    for _ in 0..2 {
        let refused = Store::open(&database.config(), at(1)).await.unwrap_err();
        assert!(matches!(refused, OpenError::Backup), "{refused}");
        assert!(refused.to_string().contains("`countersign fence`"), "{refused}");
    }
    fence(database).await.unwrap();
    let store = database.open().await;
    tamper(&store, "UPDATE origin SET must_be_fenced = 2").await;
    store.close().await.unwrap();
    let damaged = Store::open(&database.config(), at(1)).await.unwrap_err();
    let named =
        |error: &OpenError| matches!(error, OpenError::Store(StoreError::Damaged { table: "origin", .. }));
    assert!(named(&damaged), "{damaged}");
}

pub(super) async fn a_fence_ends_everything_of_before(database: &impl TestDatabase) {
    let store = with_mark(database).await;
    let before = store.trust().position();
    store.close().await.unwrap();
    assert_eq!(fence(database).await.unwrap(), Fenced { users: 1, sessions: 1, keys: 1 });

    let store = database.open().await;
    let (session, alice) = store.lookup_session_with_user(session_id(10)).await.unwrap().unwrap();
    assert_eq!(session.ended, Some(at(2000)));
    assert_eq!((alice.epoch, alice.proof()), (Epoch::from_number(2), ProofEpoch::from_number(2)));
    let opened = store.open_session(new_session(11, &alice), ProofEpoch::from_number(1), &act(3000)).await;
    assert_eq!(opened.unwrap(), None, "a password of before is no proof of now while it is being hashed");
    assert_eq!(count(&store, "SELECT COUNT(*) FROM reset_codes").await, 0);
    let ring = store.lookup_ring().await.unwrap().unwrap();
    assert_eq!((ring.document.as_str(), ring.version), ("new ring", 2));
    assert_eq!(store.lookup_server_key().await.unwrap().unwrap(), server_key("new"));

    let position = TrustPosition { incarnation: [9; 16], sequence: before.sequence + 1 };
    assert_eq!(store.trust().position(), position);
    assert!(store.trust().has_revoked_key(&KeyId::parse(KEY).unwrap()));
    let events = store.list_events(None, None, 9).await.unwrap();
    let fenced = events.iter().find(|event| event.kind == EventKind::KeysRevoked).unwrap();
    assert_eq!(fenced.detail, format!("fenced {KEY}"));
}

pub(super) async fn a_database_that_was_never_served_is_fenced_too(database: &impl TestDatabase) {
    let store = database.open().await;
    store.insert_user(&user(1, "alice"), &password("x"), &act(1)).await.unwrap();
    store.close().await.unwrap();
    assert_eq!(fence(database).await.unwrap(), Fenced { users: 1, sessions: 0, keys: 0 });
    let store = database.open().await;
    assert!(store.lookup_ring().await.unwrap().is_none(), "the first start makes it");
    store.ensure_trust_counter([1; 16]).await.unwrap();
    assert_eq!(store.trust().position().incarnation, [9; 16]);
}
