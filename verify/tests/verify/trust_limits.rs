//! A stream that brings more than a verifier keeps, or what no log says: it is refused, and what is known is kept.

use std::time::Duration;

use countersign_verify::{Applied, TrustError, TrustFrame, TrustView, TrustedKey};

use super::kit::key;
use super::trust_view::{at, end, has_ended, key_set};

const ZERO: Duration = Duration::ZERO;

fn part(numbers: impl IntoIterator<Item = i64>, complete: Option<i64>) -> TrustFrame {
    let revocations = numbers.into_iter().map(|number| end(number, number)).collect();
    TrustFrame::Snapshot { revocations, complete: complete.map(|sequence| at(1, sequence)) }
}

fn revocations(numbers: &[i64], sequence: i64) -> TrustFrame {
    TrustFrame::Revocations {
        revocations: numbers.iter().map(|number| end(*number, *number)).collect(),
        sequence,
    }
}

/// One that keeps ten revocations, and has been told three.
fn told() -> TrustView {
    let mut view = TrustView::keeping_at_most(10);
    view.apply(key_set(&[1]), ZERO).unwrap();
    view.apply(part(1..=3, Some(3)), ZERO).unwrap();
    view
}

fn assert_unchanged(view: &TrustView) {
    assert_eq!((view.position(), view.revocation_count()), (Some(at(1, 3)), 3));
    assert!((1..=3).all(|number| has_ended(view, number)) && !has_ended(view, 4));
}

#[test]
fn a_snapshot_without_an_end_is_refused_when_it_is_longer_than_what_is_kept() {
    let mut view = told();
    let taken = (0..).map_while(|round| view.apply(part(4 * round + 1..=4 * round + 4, None), ZERO).ok());
    assert_eq!(taken.take(1000).count(), 2, "eight of ten, and no four more");
    assert_eq!(view.apply(part([41, 42, 43], None), ZERO), Err(TrustError::TooManyRevocations));
    assert_unchanged(&view);
    // Ten are not too many.
    view.begin_stream();
    view.apply(key_set(&[1]), ZERO).unwrap();
    assert_eq!(view.apply(part(1..=10, Some(10)), ZERO), Ok(Applied::Revocations));
}

#[test]
fn a_snapshot_that_says_the_same_over_and_over_ends_too() {
    let mut view = told();
    let again = |place| TrustFrame::Snapshot { revocations: vec![end(place, 1)], complete: None };
    let taken = (1..1000).map_while(|place| view.apply(again(place), ZERO).ok()).count();
    assert_eq!(taken, 10);
}

#[test]
fn revocations_beyond_what_is_kept_are_refused_until_others_are_forgotten() {
    let mut view = told();
    let passing =
        (4..=10).map(|number| countersign_verify::Revocation { forget_at: 100, ..end(number, number) });
    let passing = TrustFrame::Revocations { revocations: passing.collect(), sequence: 10 };
    assert_eq!(view.apply(passing, ZERO), Ok(Applied::Revocations));
    assert_eq!(view.apply(revocations(&[11], 11), ZERO), Err(TrustError::TooManyRevocations));
    assert_eq!((view.position(), view.revocation_count()), (Some(at(1, 10)), 10));
    while view.forget(100, 1) {}
    assert_eq!(view.apply(revocations(&[11], 11), ZERO), Ok(Applied::Revocations));
    assert!(has_ended(&view, 3) && has_ended(&view, 11));
}

#[test]
fn a_set_of_very_many_keys_is_refused() {
    let mut view = told();
    let keys = |count| TrustFrame::KeySet(vec![TrustedKey { key: key(2), verify_until: None }; count]);
    assert_eq!(view.apply(keys(1025), ZERO), Err(TrustError::TooManyKeys));
    assert!(view.trusts(key(1).id(), 0) && !view.trusts(key(2).id(), 0));
    assert_eq!(view.apply(keys(1024), ZERO), Ok(Applied::Keys));
}

/// Two with one number: the second one would take the place of the first.
#[test]
fn what_is_not_in_the_order_of_the_log_is_refused_before_it_makes_anything_forgotten() {
    let two_of_one_number = || vec![end(4, 4), end(4, 5)];
    for frame in [
        TrustFrame::Revocations { revocations: two_of_one_number(), sequence: 4 },
        TrustFrame::Snapshot { revocations: two_of_one_number(), complete: Some(at(1, 4)) },
        revocations(&[5, 4], 5),
        part([5, 4], Some(5)),
        TrustFrame::Revocations { revocations: vec![end(2, 9)], sequence: 4 },
    ] {
        let mut view = told();
        assert_eq!(view.apply(frame.clone(), ZERO), Err(TrustError::Disordered), "{frame:?}");
        assert_unchanged(&view);
        assert_eq!(
            view.apply(revocations(&[2, 3], 3), ZERO),
            Ok(Applied::Revocations),
            "what is known may come again"
        );
        assert_unchanged(&view);
    }
}
