//! What replicas tell each other about their verifiers.

use super::{TestDatabase, at, user_id};
use crate::domain::{Timestamp, TrustPosition};
use crate::store::{
    Away, LeaseChanges, LeaseKey, LeaseReport, LeasesElsewhere, ReplicaId, SharedLease, Store,
};

const FIRST: [u8; 16] = [1; 16];
const SECOND: [u8; 16] = [2; 16];
const THIRD: [u8; 16] = [3; 16];
const UNTIL: i64 = 60_000;

fn position(sequence: i64) -> TrustPosition {
    TrustPosition { incarnation: [7; 16], sequence }
}

fn lease(number: u8, away: Option<Away>) -> SharedLease {
    let key = LeaseKey { user_id: user_id(1), run_id: [number; 16] };
    SharedLease { key, instance: format!("orders-{number}"), away }
}

fn away(applied: Option<i64>, until: i64) -> Option<Away> {
    Some(Away { applied: applied.map(position), until: at(until) })
}

/// A replica that knows the log up to 5.
fn report(applied: Option<i64>, lacking: &[&str]) -> LeaseReport {
    LeaseReport {
        position: position(5),
        applied,
        lacking: lacking.len(),
        lacking_names: lacking.iter().map(|name| (*name).to_owned()).collect(),
        until: at(UNTIL),
        displaced: None,
    }
}

fn changes(report: LeaseReport, held: &[SharedLease]) -> LeaseChanges {
    LeaseChanges { report, held: held.to_vec(), ended: Vec::new() }
}

/// Tells of verifiers as if all had just come, but for those that are somebody else's; and then of those that are away.
async fn tell(store: &Store, replica: ReplicaId, changes: LeaseChanges) {
    let known = store.lookup_leases_elsewhere(replica, position(i64::MAX), at(1)).await.unwrap();
    let others: Vec<String> = known.replicas.into_values().flat_map(|(_, members)| members).collect();
    let is_ours = |lease: &&SharedLease| lease.away.is_some() && !others.contains(&lease.instance);
    let come = changes.held.iter().filter(is_ours).map(|lease| SharedLease { away: None, ..lease.clone() });
    let come = LeaseChanges { held: come.collect(), ended: Vec::new(), ..changes.clone() };
    store.report_leases(replica, &come, at(1)).await.unwrap();
    store.report_leases(replica, &changes, at(1)).await.unwrap();
}

/// What the first one finds: the replicas that speak for somebody, with their names, and the names of those that are away.
async fn elsewhere(store: &Store, known: i64, now: i64) -> (Vec<(LeaseReport, Vec<String>)>, Vec<String>) {
    let found = store.lookup_leases_elsewhere(FIRST, position(known), at(now)).await.unwrap();
    let LeasesElsewhere { replicas, away, .. } = found;
    let mut replicas: Vec<_> = replicas.into_values().collect();
    replicas.iter_mut().for_each(|(_, members)| members.sort());
    let mut away: Vec<_> = away.into_iter().map(|(name, _)| name).collect();
    away.sort();
    (replicas, away)
}

pub(super) async fn a_replica_finds_the_verifiers_of_others_that_may_lack_something(
    database: &impl TestDatabase,
) {
    let store = database.open().await;
    let tell = async |replica, changes| tell(&store, replica, changes).await;
    assert_eq!(elsewhere(&store, 5, 10).await, (vec![], vec![]));
    tell(FIRST, changes(report(None, &["orders-1"]), &[lease(1, None)])).await;
    let said = report(Some(3), &["orders-3", "ä\u{1f980}"]);
    tell(SECOND, changes(said.clone(), &[lease(2, None), lease(3, None)])).await;
    tell(THIRD, changes(report(Some(5), &[]), &[lease(4, None), lease(5, away(Some(4), 50_000))])).await;

    let both = vec!["orders-2".to_owned(), "orders-3".to_owned()];
    let lost = vec!["orders-5".to_owned()];
    assert_eq!(elsewhere(&store, 5, 10).await, (vec![(said, both.clone())], lost.clone()));
    // Beyond what they have said nobody is sure.
    let (replicas, away_by_then) = elsewhere(&store, 6, 10).await;
    assert_eq!((replicas.len(), &away_by_then), (2, &lost));
    // In another life of the log, nobody is either.
    let other = TrustPosition { incarnation: [8; 16], sequence: 1 };
    assert_eq!(store.lookup_leases_elsewhere(FIRST, other, at(10)).await.unwrap().replicas.len(), 2);
    let found = store.lookup_leases_elsewhere(FIRST, position(5), at(10)).await.unwrap();
    assert_eq!(found.away, [("orders-5".to_owned(), Some(position(4)))]);
    // When their time is over, they accept nothing any more.
    assert_eq!(elsewhere(&store, 5, 50_000).await.1, Vec::<String>::new());
    assert_eq!(elsewhere(&store, 6, UNTIL).await, (vec![], vec![]));

    // Nothing is known of one that has told of nothing yet.
    tell(SECOND, changes(report(None, &["orders-2"]), &[])).await;
    assert_eq!(elsewhere(&store, 5, 10).await.0, [(report(None, &["orders-2"]), both)]);
}

pub(super) async fn a_verifier_moves_with_its_word(database: &impl TestDatabase) {
    let store = database.open().await;
    let tell = async |replica, changes| tell(&store, replica, changes).await;
    tell(SECOND, changes(report(Some(5), &[]), &[lease(1, away(None, 50_000)), lease(2, None)])).await;
    let key = |number| lease(number, None).key;
    assert_eq!(store.lookup_leases_away(SECOND).await.unwrap(), [key(1)].into());
    tell(THIRD, changes(report(None, &["orders-1"]), &[lease(1, None)])).await;
    assert!(store.lookup_leases_away(SECOND).await.unwrap().is_empty());
    let (replicas, lost) = elsewhere(&store, 5, 10).await;
    assert_eq!((replicas.len(), &*replicas[0].1, lost.len()), (1, &["orders-1".to_owned()][..], 0));
    // Whoever has lost it cannot take it away.
    let ended = LeaseChanges { ended: vec![key(1), key(2)], ..changes(report(Some(5), &[]), &[]) };
    tell(SECOND, ended.clone()).await;
    assert_eq!(elsewhere(&store, 6, 10).await.0.len(), 1);
    tell(THIRD, ended).await;
    assert_eq!(elsewhere(&store, 6, 10).await, (vec![], vec![]));

    // Nor can it say that it is away.
    tell(THIRD, changes(report(Some(5), &[]), &[lease(1, None)])).await;
    tell(SECOND, changes(report(Some(5), &[]), &[lease(1, away(None, 50_000)), lease(2, None)])).await;
    assert_eq!(elsewhere(&store, 6, 10).await.1, Vec::<String>::new());
    let of = async |replica| store.lookup_leases_of(replica).await.unwrap();
    assert_eq!(of(THIRD).await, [key(1)].into());
    assert_eq!(of(SECOND).await, [key(2)].into());
    // Who is forgotten is told of again, and who has moved is not taken back.
    store.put_forgotten_leases(SECOND, &[lease(1, None), lease(3, None)]).await.unwrap();
    assert_eq!(of(THIRD).await, [key(1)].into());
    assert_eq!(of(SECOND).await, [key(2), key(3)].into());
    // One that is gone and back stays.
    let back = LeaseChanges { ended: vec![key(2)], ..changes(report(Some(5), &[]), &[lease(2, None)]) };
    tell(SECOND, back).await;
    assert!(of(SECOND).await.contains(&key(2)));
    tell(SECOND, LeaseChanges { ended: vec![key(2), key(3)], ..changes(report(Some(5), &[]), &[]) }).await;
    tell(THIRD, LeaseChanges { ended: vec![key(1)], ..changes(report(Some(5), &[]), &[]) }).await;

    // Two users may draw the same number.
    let mut other = lease(1, None);
    other.key.user_id = user_id(2);
    let many: Vec<_> = (1..=250).map(|number| lease(number, None)).chain([other]).collect();
    tell(SECOND, changes(report(None, &[]), &many)).await;
    assert_eq!(elsewhere(&store, 6, 10).await.0[0].1.len(), 251);
}

pub(super) async fn leases_go_when_their_time_is_over(database: &impl TestDatabase) {
    let store = database.open().await;
    let tell = async |replica, changes| tell(&store, replica, changes).await;
    tell(SECOND, changes(report(None, &[]), &[lease(1, None), lease(2, away(None, 50_000))])).await;
    let later = LeaseReport { until: at(90_000), ..report(None, &[]) };
    tell(THIRD, changes(later, &[lease(3, None)])).await;
    let left = async |now: i64| {
        store.purge_leases(at(now)).await.unwrap();
        let found =
            store.lookup_leases_elsewhere(FIRST, position(6), Timestamp::from_millis(0)).await.unwrap();
        let members = found.replicas.values().map(|(_, members)| members.len()).sum::<usize>();
        (members, found.away.len())
    };
    assert_eq!(left(49_999).await, (2, 1));
    assert_eq!(left(50_000).await, (2, 0));
    assert_eq!(left(UNTIL).await, (1, 0));
    assert_eq!(left(90_000).await, (0, 0));

    // Of those whose places others have taken, the number stays for as long as it says.
    let crowded = LeaseReport { displaced: Some((7, at(95_000))), ..report(None, &[]) };
    tell(SECOND, changes(crowded, &[])).await;
    store.purge_leases(at(94_999)).await.unwrap();
    let displaced =
        async |now| store.lookup_leases_elsewhere(FIRST, position(5), at(now)).await.unwrap().displaced;
    assert_eq!((displaced(94_999).await, displaced(95_000).await), (7, 0));
    assert_eq!(store.lookup_leases_elsewhere(SECOND, position(5), at(1)).await.unwrap().displaced, 0);
    store.purge_leases(at(95_000)).await.unwrap();
    assert_eq!(displaced(1).await, 0);
}
