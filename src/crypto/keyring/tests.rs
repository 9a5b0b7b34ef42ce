use super::*;
use crate::crypto::test_support::SeededEntropy;

const NOW: Timestamp = Timestamp::from_millis(1_795_468_099_000);
const PERIOD: i64 = 100_000;
const LEAD: i64 = 10_000;
const TAIL: i64 = 5_000;
const KEPT: i64 = 50_000;

fn at(offset_ms: i64) -> Timestamp {
    Timestamp::from_millis(NOW.as_millis() + offset_ms)
}

fn master_key(seed: u64) -> MasterKey {
    MasterKey::generate(&SeededEntropy::new(seed))
}

fn schedule() -> Schedule {
    let span = |millis: i64| std::time::Duration::from_millis(u64::try_from(millis).unwrap());
    Schedule { period: span(PERIOD), lead: span(LEAD), tail: span(TAIL), kept: span(KEPT) }
}

/// Does `work` with a maker of keys of this seed.
fn with_maker<T>(seed: u64, work: impl FnOnce(&KeyMaker<'_>) -> T) -> T {
    let (master_key, entropy) = (master_key(0), SeededEntropy::new(seed));
    work(&KeyMaker { master_key: &master_key, entropy: &entropy, schedule: schedule() })
}

fn first(seed: u64) -> Ring {
    with_maker(seed, |maker| Ring::first(NOW, maker))
}

fn open(ring: &Ring) -> Result<OpenRing, RingError> {
    ring.clone().open(&[master_key(0)])
}

fn signs(ring: &Ring, now: Timestamp) -> Option<usize> {
    let open = open(ring).unwrap();
    let signer = open.signer_at(now)?.signer.public_key().clone();
    ring.keys().iter().position(|key| key.key == signer)
}

fn changed(ring: &Ring, from: &str, to: &str) -> String {
    let json = ring.to_json();
    assert!(json.contains(from), "{json} has no {from}");
    json.replacen(from, to, 1)
}

#[test]
fn the_first_ring_signs_and_has_a_key_to_come() {
    let ring = first(1);
    let read = Ring::parse(&ring.to_json()).unwrap();
    assert_eq!(read, ring);
    let states: Vec<_> = ring.keys().iter().map(|key| key.state_at(NOW)).collect();
    assert_eq!(states, [KeyState::Active, KeyState::Next]);
    assert_eq!(open(&read).unwrap().keys().keys().count(), 2, "the one to come is known");
    for (now, signer) in [(0, 0), (PERIOD - 1, 0), (PERIOD, 1), (2 * PERIOD - 1, 1)] {
        assert_eq!(signs(&ring, at(now)), Some(signer), "{now}");
    }
    assert_eq!(signs(&ring, at(2 * PERIOD)), None);
    assert_eq!(signs(&ring, at(-1)), None);
    let entry = &serde_json::from_str::<serde_json::Value>(&ring.to_json()).unwrap()["keys"][0];
    for (field, start) in [
        ("key", "k4.public."),
        ("key_id", "k4.pid."),
        ("wrapped_key", "k4.secret-wrap.pie."),
        ("wrapped_by", "k4.lid."),
    ] {
        assert!(entry[field].as_str().unwrap().starts_with(start), "{entry}");
    }
    assert_eq!(entry["sign_from"], 1_795_468_099_000_i64);
}

#[test]
fn a_ring_is_maintained_step_by_step_and_never_without_a_signer() {
    let mut ring = first(1);
    for step in 1..200 {
        let now = at(step * PERIOD / 7);
        if let Some(next) =
            with_maker(u64::try_from(step).unwrap() + 100, |maker| ring.maintained(now, maker))
        {
            ring = next;
        }
        assert!(signs(&ring, now).is_some(), "step {step}");
        let next: Vec<_> = ring.keys().iter().filter(|key| key.state_at(now) == KeyState::Next).collect();
        assert_eq!(next.len(), 1, "step {step}");
        assert!(next[0].sign_from >= next[0].published.plus(schedule().lead), "step {step}");
        assert!(ring.keys().len() <= 4, "what nobody's session can be of is dropped");
        assert!(ring.published_at(now).count() <= 3, "what verifies nothing is not published");
        assert!(with_maker(1, |maker| ring.maintained(now, maker)).is_none(), "nothing is left to do");
        assert_eq!(Ring::parse(&ring.to_json()).unwrap(), ring);
    }
}

#[test]
fn a_ring_that_nobody_looked_after_signs_again_at_once() {
    let ring = first(1);
    let now = at(10 * PERIOD);
    assert_eq!(signs(&ring, now), None);
    let ring = with_maker(2, |maker| ring.maintained(now, maker)).unwrap();
    assert_eq!(signs(&ring, now), Some(0));
    assert_eq!(ring.keys().len(), 2);
}

#[test]
fn a_ring_of_a_clock_that_was_ahead_signs_when_that_is_set_right() {
    for ahead in [1, PERIOD / 2, 3 * PERIOD, 20 * PERIOD] {
        let late = with_maker(1, |maker| Ring::first(at(ahead), maker));
        let right = with_maker(2, |maker| late.maintained(at(0), maker)).unwrap();
        assert_eq!(signs(&right, at(0)), Some(0), "{ahead} ms");
        assert_eq!(right.keys()[0].key, late.keys()[0].key, "verifiers know it");
        assert_eq!(right.keys()[1].state_at(at(0)), KeyState::Next);
        assert_eq!(Ring::parse(&right.to_json()).unwrap(), right);
        assert!(with_maker(3, |maker| right.maintained(at(0), maker)).is_none(), "nothing is left to do");
    }
    // A clock that ran far ahead for a while, while keys were made by it.
    let mut ring = first(1);
    for (step, now) in [0, 5 * PERIOD, 0, 50 * PERIOD, PERIOD / 2, 1].into_iter().enumerate() {
        let seed = u64::try_from(step).unwrap() + 10;
        ring = with_maker(seed, |maker| ring.maintained(at(now), maker)).unwrap_or(ring);
        assert!(signs(&ring, at(now)).is_some(), "step {step}");
        assert_eq!(Ring::parse(&ring.to_json()).unwrap(), ring);
    }
}

#[test]
fn a_retired_key_is_kept_for_sessions_and_published_for_tokens() {
    let ring = with_maker(2, |maker| first(1).maintained(at(PERIOD), maker)).unwrap();
    let old = ring.keys()[0].key.clone();
    for (now, published, kept) in [
        (PERIOD + TAIL - 1, true, true),
        (PERIOD + TAIL, false, true),
        (PERIOD + TAIL + KEPT - 1, false, true),
        (PERIOD + TAIL + KEPT, false, false),
    ] {
        let later = with_maker(3, |maker| ring.maintained(at(now), maker)).unwrap_or(ring.clone());
        assert_eq!(later.published_at(at(now)).any(|key| key.key == old), published, "{now}");
        assert_eq!(open(&later).unwrap().keys().keys().any(|key| *key == old), kept, "{now}");
    }
}

#[test]
fn a_rotation_waits_until_the_next_key_is_known() {
    let ring = first(1);
    let soon = at(LEAD / 2);
    let (early, moment) = with_maker(2, |maker| ring.rotated(soon, maker));
    assert_eq!(moment, at(LEAD), "it was published at NOW");
    assert_eq!((signs(&early, at(LEAD - 1)), signs(&early, at(LEAD))), (Some(0), Some(1)));
    let (late, moment) = with_maker(2, |maker| ring.rotated(at(2 * LEAD), maker));
    assert_eq!(moment, at(2 * LEAD));
    assert_eq!(signs(&late, at(2 * LEAD)), Some(1));
    // The old key verifies as long as its last token may live, and another key is to come.
    assert_eq!(late.keys()[0].verify_until, Some(at(2 * LEAD + TAIL)));
    assert_eq!(late.keys()[1].sign_until, Some(at(2 * LEAD + PERIOD)));
    assert_eq!(late.keys()[2].sign_from, at(2 * LEAD + PERIOD));
    // A rotation that is on its way is not put off by another one.
    let (again, moment) = with_maker(3, |maker| early.rotated(at(LEAD / 2 + 1), maker));
    assert_eq!((moment, again.keys()[1].sign_from), (at(LEAD), at(LEAD)));
}

#[test]
fn many_rotations_in_a_row_keep_every_rule() {
    let mut ring = first(1);
    for round in 1..50 {
        let now = at(round * LEAD / 3);
        let seed = u64::try_from(round).unwrap() + 10;
        ring = with_maker(seed, |maker| ring.rotated(now, maker).0);
        assert!(signs(&ring, now).is_some());
        assert_eq!(Ring::parse(&ring.to_json()).unwrap(), ring, "no two keys sign at one moment");
        for key in ring.keys() {
            assert!(key.sign_from >= key.published.plus(schedule().lead) || key.published == NOW);
        }
    }
}

#[test]
fn a_revoked_key_is_gone_and_the_next_one_signs_at_once() {
    let ring = first(1);
    let (active, next) = (ring.keys()[0].key.id().clone(), ring.keys()[1].key.clone());
    let without = with_maker(2, |maker| ring.without(&active, at(1), maker)).unwrap();
    assert!(without.keys().iter().all(|key| key.key.id() != &active));
    assert_eq!(without.keys()[0].key, next);
    assert_eq!(signs(&without, at(1)), Some(0));
    assert_eq!(without.keys()[1].state_at(at(1)), KeyState::Next);
    // The one to come is replaced, and the one that signs goes on.
    let without = with_maker(2, |maker| ring.without(next.id(), at(1), maker)).unwrap();
    assert_eq!(signs(&without, at(1)), Some(0));
    assert_eq!(without.keys()[0].key.id(), &active);
    assert_ne!(without.keys()[1].key, next);
    let again = with_maker(2, |maker| without.without(next.id(), at(1), maker));
    assert_eq!(again.unwrap_err(), RingError::NoSuchKey);
}

#[test]
fn rewrapping_changes_the_wrapping_alone() {
    let ring = first(1);
    let (old, new, entropy) = (master_key(0), master_key(1), SeededEntropy::new(5));
    let maker = KeyMaker { master_key: &new, entropy: &entropy, schedule: schedule() };
    let given = [master_key(1), old];
    let rewrapped = ring.rewrapped(&given, &maker).unwrap().unwrap();
    assert!(rewrapped.clone().open(&[master_key(1)]).is_ok());
    assert!(rewrapped.keys().iter().all(|key| key.wrapped_by == new.id()));
    let ids = |ring: &Ring| ring.keys().iter().map(|key| key.key.clone()).collect::<Vec<_>>();
    assert_eq!(ids(&rewrapped), ids(&ring));
    assert_eq!(rewrapped.rewrapped(&given, &maker).unwrap(), None);
    let missing = ring.rewrapped(&[master_key(1)], &maker).unwrap_err();
    assert!(matches!(missing, RingError::MasterKeyMissing { .. }));
}

#[test]
fn a_missing_or_foreign_master_key_is_named() {
    let ring = first(1);
    for given in [vec![], vec![master_key(1)]] {
        let error = ring.clone().open(&given).unwrap_err();
        let text = error.to_string();
        assert!(text.contains(ring.keys()[0].key.id().as_str()), "{text}");
        assert!(text.contains(&master_key(0).id()), "{text}");
        assert!(text.contains("--master-key-file"), "{text}");
        assert!(matches!(error, RingError::MasterKeyMissing { .. }));
    }
    assert!(ring.open(&[master_key(1), master_key(0)]).is_ok(), "all unwrap");
}

#[test]
fn a_master_key_that_only_another_key_needs_is_missed_at_once() {
    let mut ring = first(1);
    ring.keys[1].wrapped_by = master_key(1).id();
    assert!(matches!(open(&ring).unwrap_err(), RingError::MasterKeyMissing { .. }));
}

#[test]
fn a_ring_of_before_rotation_is_read_and_brought_up_to_date() {
    let ring = first(1);
    let key = &ring.keys()[0];
    let text = format!(
        r#"{{"format":1,"keys":[{{"key":"{}","key_id":"{}","wrapped_key":"{}","wrapped_by":"{}","state":"ACTIVE","sign_from":{},"sign_until":null,"verify_until":null}}]}}"#,
        key.key.to_paserk(),
        key.key.id(),
        key.wrapped_key,
        key.wrapped_by,
        NOW.as_millis()
    );
    let old = Ring::parse(&text).unwrap();
    let late = at(1000 * PERIOD);
    assert_eq!(signs(&old, late), Some(0), "without end");
    let maintained = with_maker(2, |maker| old.maintained(late, maker)).unwrap();
    assert_eq!(signs(&maintained, late), Some(0));
    assert_eq!(maintained.keys()[0].sign_until, Some(at(1000 * PERIOD + LEAD)));
    assert_eq!(maintained.keys()[1].sign_from, at(1000 * PERIOD + LEAD));
    for (from, to) in [("ACTIVE", "RETIRED"), (r#""state":"ACTIVE","#, ""), ("\"format\":1", "\"format\":2")]
    {
        let text = text.replace(from, to);
        assert!(matches!(Ring::parse(&text), Err(RingError::Damaged(_))), "{text}");
    }
}

#[test]
fn a_ring_that_contradicts_itself_is_damaged() {
    let (ring, other) = (first(1), first(2));
    let (key, another) = (&ring.keys()[0], &other.keys()[0]);
    let published = format!(r#""published":{}"#, NOW.as_millis());
    for text in [
        String::new(),
        "null".into(),
        r#"{"format":2}"#.into(),
        r#"{"keys":[]}"#.into(),
        changed(&ring, r#""format":2"#, r#""format":"2""#),
        changed(&ring, &published, r#""weight":1"#),
        changed(&ring, &format!("{published},"), ""),
        changed(&ring, r#""format":2"#, r#""format":2,"weight":1"#),
        changed(&ring, &key.key.to_paserk(), &another.key.to_paserk()),
        changed(&ring, key.key.id().as_str(), another.key.id().as_str()),
        changed(&ring, &key.key.to_paserk(), "k4.public.AAAA"),
    ] {
        let error = Ring::parse(&text).unwrap_err();
        assert!(matches!(error, RingError::Damaged(_)), "{text}: {error}");
    }
    let twice = Ring::new(vec![key.clone(), key.clone()]);
    assert_eq!(twice.unwrap_err(), RingError::Damaged("a key is there twice"));
    let two_active = Ring::new(vec![key.clone(), another.clone()]);
    assert_eq!(two_active.unwrap_err(), RingError::Damaged("two keys sign at one moment"));
}

#[test]
fn a_newer_format_is_told_from_damage() {
    for text in
        [r#"{"format":3,"rings":[]}"#.to_owned(), changed(&first(1), r#""format":2"#, r#""format":3"#)]
    {
        assert_eq!(Ring::parse(&text).unwrap_err(), RingError::UnknownFormat(3));
    }
}

#[test]
fn a_swapped_or_changed_private_half_does_not_sign() {
    let (ring, other) = (first(1), first(2));
    let wrapped = &ring.keys()[0].wrapped_key;
    let swapped = changed(&ring, wrapped, &other.keys()[0].wrapped_key);
    let error = open(&Ring::parse(&swapped).unwrap()).unwrap_err();
    assert_eq!(error, RingError::Damaged("a wrapped key is not the published one"));
    let cut = changed(&ring, wrapped, &wrapped[..wrapped.len() - 1]);
    let error = open(&Ring::parse(&cut).unwrap()).unwrap_err();
    assert_eq!(error, RingError::Damaged("a wrapped key does not unwrap"));
}

#[test]
fn a_ring_shows_no_private_half() {
    let secret = SecretKey::generate(&SeededEntropy::new(9));
    let ring = first(9);
    assert_eq!(&ring.keys()[0].key, secret.public_key(), "the same seed, the same key");
    let hidden = [secret.to_paserk(), master_key(0).to_paserk()];
    let open = open(&ring).unwrap();
    for shown in [ring.to_json(), format!("{ring:?} {open:?} {secret:?} {:?}", master_key(0))] {
        for secret in &hidden {
            let middle = &secret[12..40];
            assert!(!shown.contains(middle), "{shown}");
        }
        assert!(!shown.contains(&format!("{:?}", &secret.to_bytes()[..8])), "{shown}");
    }
}
