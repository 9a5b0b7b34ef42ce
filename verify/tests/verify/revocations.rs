//! Which tokens a revocation hits, and when it may be forgotten.

use countersign_verify::{Claims, Revocation, Revocations, Revoked};
use uuid::Uuid;

use super::kit::{Random, claims, key};

fn user(number: usize) -> Uuid {
    Uuid::from_u128(1000 + number as u128)
}

fn session(number: usize) -> Uuid {
    Uuid::from_u128(2000 + number as u128)
}

fn token(of: Uuid, session_id: Uuid, epoch: i64) -> Claims {
    Claims { subject: of, session_id, epoch, ..claims() }
}

fn raise(of: usize, below_epoch: i64) -> Revoked {
    Revoked::User { user_id: user(of), below_epoch }
}

fn end(of: usize, number: usize) -> Revoked {
    Revoked::Session { user_id: user(of), session_id: session(number) }
}

fn log(entries: impl IntoIterator<Item = (Revoked, i64)>) -> Vec<Revocation> {
    let entries = (1..).zip(entries);
    entries.map(|(sequence, (revoked, forget_at))| Revocation { sequence, revoked, forget_at }).collect()
}

fn all(log: &[Revocation]) -> Revocations {
    let mut revocations = Revocations::default();
    log.iter().for_each(|revocation| revocations.add(revocation));
    revocations
}

#[test]
fn a_raised_epoch_hits_the_lower_ones_of_that_user_alone() {
    let revocations = all(&log([(raise(1, 3), 100)]));
    let hit = |of, epoch| revocations.hit(&token(user(of), session(1), epoch), key(1).id());
    assert!(hit(1, 1) && hit(1, 2));
    assert!(!hit(1, 3) && !hit(1, 4) && !hit(2, 1));
}

#[test]
fn an_ended_session_hits_its_tokens_alone_and_a_key_everything_that_it_signed() {
    let revocations = all(&log([(end(1, 1), 100), (Revoked::Key(key(2).id().clone()), 100)]));
    let hit = |number, seed| revocations.hit(&token(user(1), session(number), 9), key(seed).id());
    assert!(hit(1, 1), "its session");
    assert!(!hit(2, 1), "another session of the same user");
    assert!(hit(2, 2), "the key");
    assert!(revocations.hit_key(key(2).id()) && !revocations.hit_key(key(1).id()));
}

#[test]
fn a_raise_takes_the_place_of_the_ends_before_it_and_of_no_other() {
    // Session 2 ended after the raise, with tokens of the new epoch, whatever comes in first.
    let entries = log([(end(1, 1), 50), (raise(1, 2), 100), (end(1, 2), 100)]);
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0], [2, 0, 1]] {
        let mut revocations = Revocations::default();
        order.iter().for_each(|index| revocations.add(&entries[*index]));
        assert!(revocations.hit(&token(user(1), session(1), 1), key(1).id()), "{order:?}");
        assert!(revocations.hit(&token(user(1), session(2), 2), key(1).id()), "{order:?}");
        assert!(!revocations.hit(&token(user(1), session(3), 2), key(1).id()), "{order:?}");
    }
    assert_eq!(all(&entries).len(), 2, "a user and one session");
}

#[test]
fn nothing_is_forgotten_before_its_time_and_all_of_it_after() {
    let mut revocations = all(&log([
        (end(1, 1), 100),
        (raise(1, 2), 200),
        (raise(1, 3), 150),
        (end(2, 2), 120),
        (Revoked::Key(key(1).id().clone()), 130),
    ]));
    let hit = |revocations: &Revocations| {
        [
            revocations.hit(&token(user(1), session(9), 2), key(2).id()),
            revocations.hit(&token(user(2), session(2), 1), key(2).id()),
            revocations.hit(&token(user(9), session(9), 1), key(1).id()),
        ]
    };
    for (now, expected) in [
        (119, [true, true, true]),
        (120, [true, false, true]),
        (130, [true, false, false]),
        (199, [true, false, false]),
        (200, [false, false, false]),
    ] {
        while revocations.forget(now, 1) {}
        assert_eq!(hit(&revocations), expected, "{now}");
    }
    assert!(revocations.is_empty());
}

#[test]
fn forgetting_goes_in_steps() {
    let mut revocations = all(&log((0..10).map(|number| (end(number, number), 100))));
    assert!(revocations.forget(100, 4));
    assert_eq!(revocations.len(), 6);
    while revocations.forget(100, 4) {}
    assert!(revocations.is_empty());
}

#[test]
fn a_user_who_ends_sessions_in_a_loop_takes_bounded_room() {
    let mut revocations = Revocations::default();
    let mut sequence = 0;
    for round in 0..100 {
        for number in 0..20 {
            sequence += 1;
            revocations.add(&Revocation { sequence, revoked: end(1, round * 20 + number), forget_at: 100 });
        }
        sequence += 1;
        let below_epoch = i64::try_from(round).unwrap() + 2;
        revocations.add(&Revocation { sequence, revoked: raise(1, below_epoch), forget_at: 100 });
    }
    assert_eq!(revocations.len(), 1);
}

#[test]
fn two_revocations_of_one_number_leave_nothing_that_is_never_forgotten() {
    let mut revocations = Revocations::default();
    for (revoked, forget_at) in [(end(1, 1), 100), (raise(2, 2), 200), (end(1, 2), 50)] {
        revocations.add(&Revocation { sequence: 7, revoked, forget_at });
    }
    assert_eq!(revocations.len(), 1);
    assert!(!revocations.forget(300, 10), "it comes to an end");
    assert!(revocations.is_empty());
}

#[test]
fn pages_of_the_log_leave_out_what_is_superseded_or_forgotten() {
    let entries =
        log([(end(1, 1), 100), (raise(2, 2), 90), (raise(1, 2), 100), (raise(2, 3), 50), (end(3, 3), 60)]);
    let mut revocations = all(&entries);
    let places = |revocations: &Revocations, after, through, at_most| {
        let page = revocations.page(after, through, at_most);
        page.iter().map(|revocation| revocation.sequence).collect::<Vec<_>>()
    };
    assert_eq!(places(&revocations, 0, 9, 9), [3, 4, 5]);
    assert_eq!(places(&revocations, 0, 4, 1), [3]);
    assert_eq!(places(&revocations, 3, 4, 9), [4]);
    assert_eq!(places(&revocations, 5, 5, 9), [0; 0]);
    assert_eq!(places(&revocations, 7, 5, 9), [0; 0], "a place that is not reached yet");
    assert_eq!(revocations.page(3, 4, 9)[0].forget_at, 90, "the later moment of both raises");
    while revocations.forget(60, 9) {}
    assert_eq!(places(&revocations, 0, 9, 9), [3, 4]);
}

/// Who is told page by page knows what who was told at once knows, in whatever order the entries came here.
#[test]
fn what_is_told_in_pages_is_what_is_known() {
    let mut random = Random(8);
    for _ in 0..300 {
        let mut epochs = [1_i64; 3];
        // A session ends once, and a key is revoked once.
        let mut entries = log((0..40).map(|step| {
            let of = random.below(3);
            let forget_at = i64::try_from(random.below(100)).unwrap();
            match random.below(3) {
                0 => {
                    epochs[of] += 1;
                    (raise(of, epochs[of]), forget_at)
                }
                1 => (Revoked::Key(key(u8::try_from(step).unwrap()).id().clone()), forget_at),
                _ => (end(of, step), forget_at),
            }
        }));
        let in_order = all(&entries);
        for index in (1..entries.len()).rev() {
            entries.swap(index, random.below(index + 1));
        }
        let shuffled = all(&entries);
        assert_eq!(in_order.page(0, 40, 99), shuffled.page(0, 40, 99));
        let mut told = Revocations::default();
        let mut after = 0;
        while after < 40 {
            let page = in_order.page(after, 40, 3);
            after = page.last().map_or(40, |last| last.sequence);
            page.iter().for_each(|revocation| told.add(revocation));
        }
        assert_eq!(told.page(0, 40, 99), in_order.page(0, 40, 99));
    }
}

/// Users' lives at random, against a list that forgets nothing: no token that the list refuses gets through before it
/// has expired, and none is refused that the list lets through.
#[test]
fn random_lives_agree_with_a_list_that_forgets_nothing() {
    let mut random = Random(5);
    for _ in 0..300 {
        let mut epochs = [1_i64; 3];
        // (user, session, epoch, expiry)
        let mut tokens: Vec<(usize, usize, i64, i64)> = Vec::new();
        let mut list: Vec<Revocation> = Vec::new();
        let mut revocations = Revocations::default();
        let mut now = 0;
        for step in 0..60 {
            now += i64::try_from(random.below(5)).unwrap();
            let of = random.below(3);
            match random.below(4) {
                0 | 1 => {
                    let session = of * 10 + random.below(5);
                    let ended = list.iter().any(|r| r.revoked == end(of, session));
                    if !ended {
                        tokens.push((of, session, epochs[of], now + 20));
                    }
                }
                2 => {
                    let session = of * 10 + random.below(5);
                    list.push(Revocation { sequence: step, revoked: end(of, session), forget_at: now + 21 });
                    revocations.add(list.last().unwrap());
                }
                _ => {
                    epochs[of] += 1;
                    let revoked = raise(of, epochs[of]);
                    list.push(Revocation { sequence: step, revoked, forget_at: now + 21 });
                    revocations.add(list.last().unwrap());
                }
            }
            revocations.forget(now, random.below(4));
            for (of, number, epoch, expiry) in &tokens {
                let claims = token(user(*of), session(*number), *epoch);
                let expected = list.iter().any(|r| match &r.revoked {
                    Revoked::User { user_id, below_epoch } => {
                        *user_id == claims.subject && claims.epoch < *below_epoch
                    }
                    Revoked::Session { session_id, .. } => *session_id == claims.session_id,
                    Revoked::Key(_) => false,
                });
                let got = revocations.hit(&claims, key(1).id());
                assert!(now >= *expiry || got == expected, "{claims:?} at {now}");
            }
        }
    }
}
