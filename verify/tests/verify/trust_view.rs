//! What a verifier knows, frame by frame, and how fresh that is.

use std::time::Duration;

use countersign_verify::{
    Applied, Claims, Incarnation, Revocation, Revoked, TrustError, TrustFrame, TrustPosition, TrustView,
    TrustedKey,
};
use uuid::Uuid;

use super::kit::{claims, key};

const ZERO: Duration = Duration::ZERO;

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(super) fn at(incarnation: u8, sequence: i64) -> TrustPosition {
    TrustPosition { incarnation: Incarnation([incarnation; 16]), sequence }
}

pub(super) fn session(number: i64) -> Uuid {
    Uuid::from_u128(1 + u128::from(number.unsigned_abs()))
}

pub(super) fn end(sequence: i64, number: i64) -> Revocation {
    let revoked = Revoked::Session { user_id: Uuid::nil(), session_id: session(number) };
    Revocation { sequence, revoked, forget_at: i64::MAX }
}

pub(super) fn key_set(seeds: &[u8]) -> TrustFrame {
    let trusted = |seed: &u8| TrustedKey { key: key(*seed), verify_until: None };
    TrustFrame::KeySet(seeds.iter().map(trusted).collect())
}

pub(super) fn has_ended(view: &TrustView, number: i64) -> bool {
    let claims = Claims { subject: Uuid::nil(), session_id: session(number), ..claims() };
    view.has_revoked(&claims, key(1).id())
}

fn snapshot(position: TrustPosition, ended: &[i64], last: bool) -> TrustFrame {
    let revocations = ended.iter().map(|number| end(*number, *number)).collect();
    TrustFrame::Snapshot { revocations, complete: last.then_some(position) }
}

fn revocations(sequence: i64, ended: &[i64]) -> TrustFrame {
    TrustFrame::Revocations {
        sequence,
        revocations: ended.iter().map(|number| end(*number, *number)).collect(),
    }
}

fn heartbeat(position: TrustPosition, age: Duration, nonce: u64) -> TrustFrame {
    TrustFrame::Heartbeat { position, age, nonce }
}

/// One that has been told keys and the end of the sessions 1 to 3, at the position 3 of the incarnation 1, and has sent the
/// nonce 1 at the beginning of time.
fn told() -> TrustView {
    let mut view = TrustView::default();
    assert_eq!(view.begin_stream(), None);
    view.expect_nonce(1, ZERO);
    assert_eq!(view.apply(key_set(&[1]), ZERO), Ok(Applied::Keys));
    assert_eq!(view.apply(snapshot(at(1, 3), &[1, 2], false), ZERO), Ok(Applied::Nothing));
    assert_eq!(view.apply(snapshot(at(1, 3), &[3], true), ZERO), Ok(Applied::Revocations));
    view
}

#[test]
fn half_a_snapshot_is_no_knowledge() {
    let mut view = TrustView::default();
    view.apply(key_set(&[1]), ZERO).unwrap();
    view.apply(snapshot(at(1, 3), &[1, 2], false), ZERO).unwrap();
    assert_eq!((view.position(), has_ended(&view, 1)), (None, false));
    // A stream that breaks off here begins anew: what came is not added to what comes then.
    assert_eq!(view.begin_stream(), None);
    view.apply(key_set(&[1]), ZERO).unwrap();
    view.apply(snapshot(at(1, 3), &[3], true), ZERO).unwrap();
    assert_eq!((has_ended(&view, 1), has_ended(&view, 3)), (false, true));
}

#[test]
fn everything_is_known_when_the_last_part_has_come_and_proven_by_a_heartbeat() {
    let mut view = told();
    assert!((1..=3).all(|number| has_ended(&view, number)) && !has_ended(&view, 4));
    assert_eq!((view.position(), view.staleness(ZERO)), (Some(at(1, 3)), None));
    assert_eq!(view.apply(heartbeat(at(1, 3), seconds(1), 1), seconds(5)), Ok(Applied::Freshness));
    assert_eq!(
        view.staleness(seconds(7)),
        Some(seconds(8)),
        "since the nonce was sent, and the heartbeat's age"
    );
}

#[test]
fn revocations_add_to_what_is_known() {
    let mut view = told();
    assert_eq!(view.apply(revocations(6, &[4, 6]), ZERO), Ok(Applied::Revocations));
    assert_eq!(view.position(), Some(at(1, 6)));
    assert!([1, 2, 3, 4, 6].iter().all(|number| has_ended(&view, *number)) && !has_ended(&view, 5));
    // What is not remembered any more leaves numbers out, and moves the position all the same.
    assert_eq!(view.apply(revocations(9, &[]), ZERO), Ok(Applied::Revocations));
    assert_eq!(view.position(), Some(at(1, 9)));
}

#[test]
fn what_comes_in_several_frames_counts_at_once_and_is_complete_with_the_last() {
    let mut view = told();
    assert_eq!(view.apply(revocations(3, &[4, 5]), ZERO), Ok(Applied::Revocations));
    assert_eq!((view.position(), has_ended(&view, 5)), (Some(at(1, 3)), true));
    assert_eq!(view.apply(revocations(6, &[6]), ZERO), Ok(Applied::Revocations));
    assert_eq!((view.position(), has_ended(&view, 6)), (Some(at(1, 6)), true));
}

#[test]
fn a_key_that_is_not_in_the_set_any_more_is_not_trusted() {
    let mut view = told();
    assert!(view.trusts(key(1).id(), 0) && view.keys().keys().count() == 1);
    assert_eq!(view.apply(key_set(&[2, 3]), ZERO), Ok(Applied::Keys));
    assert!(!view.trusts(key(1).id(), 0) && view.trusts(key(2).id(), 0) && view.trusts(key(3).id(), 0));
    assert_eq!(view.apply(key_set(&[2, 3]), ZERO), Ok(Applied::Nothing), "the same again");
}

#[test]
fn a_key_is_trusted_until_its_last_token_can_be_good_even_if_nobody_says_so_any_more() {
    let mut view = told();
    view.apply(TrustFrame::KeySet(vec![TrustedKey { key: key(1), verify_until: Some(100) }]), ZERO).unwrap();
    assert!(view.trusts(key(1).id(), 99) && !view.trusts(key(1).id(), 100));
}

#[test]
fn a_heartbeat_that_was_held_up_proves_no_more_than_its_nonce() {
    let mut view = told();
    view.apply(heartbeat(at(1, 3), ZERO, 1), ZERO).unwrap();
    view.expect_nonce(2, seconds(1));
    view.expect_nonce(3, seconds(2));
    // Something on the way kept two heartbeats for a minute.
    assert_eq!(view.apply(heartbeat(at(1, 3), ZERO, 2), seconds(60)), Ok(Applied::Freshness));
    assert_eq!(view.staleness(seconds(60)), Some(seconds(59)));
    assert_eq!(
        view.apply(heartbeat(at(1, 3), seconds(1), 3), seconds(60)),
        Ok(Applied::Answer),
        "no fresher"
    );
    assert_eq!(view.staleness(seconds(60)), Some(seconds(59)));
}

#[test]
fn a_nonce_that_is_unknown_or_older_than_one_that_came_back_proves_nothing() {
    let mut view = told();
    view.expect_nonce(2, seconds(1));
    assert_eq!(view.apply(heartbeat(at(1, 3), ZERO, 9), seconds(1)), Ok(Applied::Nothing));
    assert_eq!(view.staleness(seconds(1)), None);
    view.apply(heartbeat(at(1, 3), ZERO, 2), seconds(1)).unwrap();
    assert_eq!(view.apply(heartbeat(at(1, 3), ZERO, 1), seconds(1)), Ok(Applied::Nothing));
    assert_eq!(view.staleness(seconds(1)), Some(ZERO));
}

#[test]
fn the_nonces_of_one_stream_are_nothing_to_the_next() {
    let mut view = told();
    assert_eq!(view.begin_stream(), Some(at(1, 3)));
    view.apply(key_set(&[1]), ZERO).unwrap();
    assert_eq!(view.apply(heartbeat(at(1, 3), ZERO, 1), ZERO), Ok(Applied::Nothing));
}

#[test]
fn of_very_many_nonces_the_latest_are_remembered() {
    let mut view = told();
    (0..5000).for_each(|nonce| view.expect_nonce(10 + nonce, seconds(nonce)));
    assert_eq!(view.apply(heartbeat(at(1, 3), ZERO, 1), seconds(5000)), Ok(Applied::Nothing));
    assert_eq!(view.apply(heartbeat(at(1, 3), ZERO, 5009), seconds(5000)), Ok(Applied::Freshness));
    assert_eq!(view.staleness(seconds(5000)), Some(seconds(1)));
}

#[test]
fn another_incarnation_takes_the_place_of_everything_at_once() {
    let mut view = told();
    view.apply(heartbeat(at(1, 3), ZERO, 1), ZERO).unwrap();
    view.apply(snapshot(at(2, 1), &[1], false), ZERO).unwrap();
    assert!(has_ended(&view, 3), "until the last part has come");
    view.apply(snapshot(at(2, 1), &[], true), ZERO).unwrap();
    assert_eq!(view.position(), Some(at(2, 1)));
    assert!(has_ended(&view, 1) && !has_ended(&view, 3));
}

#[test]
fn who_reconnects_keeps_what_is_known_and_goes_on_from_there() {
    let mut view = told();
    view.apply(heartbeat(at(1, 3), ZERO, 1), ZERO).unwrap();
    assert_eq!(view.begin_stream(), Some(at(1, 3)));
    assert!(has_ended(&view, 3) && view.trusts(key(1).id(), 0));
    assert_eq!(view.staleness(seconds(2)), Some(seconds(2)));
    view.expect_nonce(2, seconds(2));
    view.apply(key_set(&[1]), seconds(2)).unwrap();
    view.apply(revocations(4, &[4]), seconds(2)).unwrap();
    view.apply(heartbeat(at(1, 4), ZERO, 2), seconds(2)).unwrap();
    assert!(has_ended(&view, 4));
    assert_eq!(view.staleness(seconds(2)), Some(ZERO));
}

/// Each breaks the protocol, is told from the others, and changes nothing.
#[test]
fn what_superseded_something_counts_at_once_though_it_lies_beyond_the_position() {
    let mut view = told();
    view.begin_stream();
    view.apply(key_set(&[1]), ZERO).unwrap();
    assert_eq!(view.apply(revocations(4, &[6]), ZERO), Ok(Applied::Revocations));
    assert_eq!((view.position(), view.revocation_count()), (Some(at(1, 4)), told().revocation_count() + 1));
    // It comes again, in its place.
    assert_eq!(view.apply(revocations(6, &[6]), ZERO), Ok(Applied::Revocations));
    assert_eq!((view.position(), view.revocation_count()), (Some(at(1, 6)), told().revocation_count() + 1));
    assert_eq!(view.apply(snapshot(at(2, 1), &[1, 2], true), ZERO), Ok(Applied::Revocations));
    assert_eq!(view.position(), Some(at(2, 1)));
}

#[test]
fn a_peer_that_breaks_the_protocol_changes_nothing() {
    let begin = |frames: &[TrustFrame]| {
        let mut view = told();
        view.begin_stream();
        for frame in frames {
            view.apply(frame.clone(), ZERO).unwrap();
        }
        view
    };
    let keys = || key_set(&[1]);
    let cases = [
        (vec![], snapshot(at(1, 3), &[], true), TrustError::NoKeySet),
        (vec![], revocations(4, &[4]), TrustError::NoKeySet),
        (vec![], heartbeat(at(1, 3), ZERO, 1), TrustError::NoKeySet),
        (vec![keys()], snapshot(at(1, 2), &[], true), TrustError::WentBack),
        (vec![keys()], revocations(2, &[]), TrustError::WentBack),
        (vec![keys()], heartbeat(at(1, 2), ZERO, 1), TrustError::WentBack),
        (vec![keys()], heartbeat(at(1, 4), ZERO, 1), TrustError::Unfounded),
        (vec![keys()], heartbeat(at(2, 3), ZERO, 1), TrustError::Unfounded),
        (
            vec![keys(), snapshot(at(2, 5), &[4, 5], false)],
            snapshot(at(3, 9), &[5], false),
            TrustError::Interrupted,
        ),
        (
            vec![keys(), snapshot(at(2, 5), &[4, 5], false)],
            snapshot(at(3, 9), &[1, 6], true),
            TrustError::Interrupted,
        ),
        (vec![keys(), snapshot(at(1, 5), &[], false)], revocations(5, &[]), TrustError::Interrupted),
        (vec![keys(), snapshot(at(1, 5), &[], false)], heartbeat(at(1, 3), ZERO, 1), TrustError::Interrupted),
        (
            vec![keys(), snapshot(at(1, 3), &[1, 2, 3], true)],
            snapshot(at(1, 3), &[], true),
            TrustError::WentBack,
        ),
    ];
    for (before, frame, error) in cases {
        let mut view = begin(&before);
        assert_eq!(view.apply(frame.clone(), ZERO), Err(error), "{frame:?}");
        assert!((1..=3).all(|number| has_ended(&view, number)), "{frame:?}");
        assert!(!(4..=6).any(|number| has_ended(&view, number)), "{frame:?}");
        assert_eq!((view.position(), view.staleness(ZERO)), (Some(at(1, 3)), None), "{frame:?}");
        assert_eq!(view.begin_stream(), Some(at(1, 3)), "{frame:?}");
    }
}

#[test]
fn nothing_adds_to_no_snapshot() {
    for frame in [revocations(1, &[1]), heartbeat(at(1, 0), ZERO, 1)] {
        let mut view = TrustView::default();
        view.apply(key_set(&[1]), ZERO).unwrap();
        assert_eq!(view.apply(frame, ZERO), Err(TrustError::NoPosition));
    }
}

#[test]
fn what_no_token_can_meet_any_more_is_forgotten() {
    let mut view = told();
    let revocations = vec![Revocation { forget_at: 100, ..end(4, 4) }];
    view.apply(TrustFrame::Revocations { sequence: 4, revocations }, ZERO).unwrap();
    while view.forget(99, 1) {}
    assert!(has_ended(&view, 4));
    while view.forget(100, 1) {}
    assert!(!has_ended(&view, 4) && has_ended(&view, 3));
    assert_eq!(view.position(), Some(at(1, 4)), "known all the same");
}
