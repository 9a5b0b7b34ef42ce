use super::*;
use crate::crypto::test_support::SeededEntropy;

const NOW: Timestamp = Timestamp::from_millis(1_795_468_099_000);

fn at(offset_ms: i64) -> Timestamp {
    Timestamp::from_millis(NOW.as_millis() + offset_ms)
}

fn master_key(seed: u64) -> MasterKey {
    MasterKey::generate(&SeededEntropy::new(seed))
}

fn first(seed: u64) -> Ring {
    Ring::first(&master_key(0), NOW, &SeededEntropy::new(seed))
}

/// A ring of these keys, each as first made and then changed.
fn ring(changes: &[fn(&mut RingKey)]) -> Result<Ring, RingError> {
    let keys = changes.iter().zip(1..).map(|(change, seed)| {
        let mut key = first(seed).keys.remove(0);
        change(&mut key);
        key
    });
    Ring::new(keys.collect())
}

fn open(ring: &Ring, now: Timestamp) -> Result<OpenRing, RingError> {
    ring.open(&[master_key(0)], now)
}

fn changed(ring: &Ring, from: &str, to: &str) -> String {
    let json = ring.to_json();
    assert!(json.contains(from), "{json} has no {from}");
    json.replacen(from, to, 1)
}

#[test]
fn the_first_ring_opens_and_survives_its_text() {
    let ring = first(1);
    let read = Ring::parse(&ring.to_json()).unwrap();
    assert_eq!(read, ring);
    let open = open(&read, NOW).unwrap();
    assert_eq!(open.signer.public_key(), &ring.keys()[0].key);
    assert_eq!(open.keys.keys().collect::<Vec<_>>(), [&ring.keys()[0].key]);
    let entry = &serde_json::from_str::<serde_json::Value>(&ring.to_json()).unwrap()["keys"][0];
    for (field, start) in [
        ("key", "k4.public."),
        ("key_id", "k4.pid."),
        ("wrapped_key", "k4.secret-wrap.pie."),
        ("wrapped_by", "k4.lid."),
        ("state", "ACTIVE"),
    ] {
        assert!(entry[field].as_str().unwrap().starts_with(start), "{entry}");
    }
    assert_eq!(entry["sign_from"], 1_795_468_099_000_i64);
}

#[test]
fn a_key_signs_inside_its_window_alone() {
    let ring = ring(&[|key| key.sign_until = Some(at(1000))]).unwrap();
    assert_eq!(open(&ring, at(-1)).unwrap_err(), RingError::NoActiveKey);
    assert!(open(&ring, at(0)).is_ok());
    assert!(open(&ring, at(999)).is_ok());
    assert_eq!(open(&ring, at(1000)).unwrap_err(), RingError::NoActiveKey);
}

#[test]
fn a_key_does_not_sign_what_it_would_not_verify() {
    let ring = ring(&[|key| key.verify_until = Some(at(1000))]).unwrap();
    assert!(open(&ring, at(999)).is_ok());
    assert_eq!(open(&ring, at(1000)).unwrap_err(), RingError::NoActiveKey);
}

#[test]
fn keys_verify_before_they_sign_and_until_their_time_is_over() {
    let ring = ring(&[
        |key| {
            key.state = KeyState::Retired;
            key.verify_until = Some(at(1000));
        },
        |_| (),
        |key| {
            key.state = KeyState::Next;
            key.sign_from = at(5000);
        },
    ])
    .unwrap();
    let ids = |open: &OpenRing| {
        let mut ids: Vec<_> = open.keys.keys().map(|key| key.id().clone()).collect();
        ids.sort();
        ids
    };
    let expected = |range: std::ops::Range<usize>| {
        let mut ids: Vec<_> = ring.keys()[range].iter().map(|key| key.key.id().clone()).collect();
        ids.sort();
        ids
    };
    let before = open(&ring, at(999)).unwrap();
    assert_eq!(before.signer.public_key(), &ring.keys()[1].key);
    assert_eq!(ids(&before), expected(0..3));
    assert_eq!(ids(&open(&ring, at(1000)).unwrap()), expected(1..3));
}

#[test]
fn neither_a_next_nor_a_retired_key_signs() {
    for change in [
        |key: &mut RingKey| key.state = KeyState::Next,
        |key: &mut RingKey| {
            key.state = KeyState::Retired;
        },
    ] {
        assert_eq!(open(&ring(&[change]).unwrap(), NOW).unwrap_err(), RingError::NoActiveKey);
    }
    assert_eq!(open(&Ring::new(vec![]).unwrap(), NOW).unwrap_err(), RingError::NoActiveKey);
}

#[test]
fn a_missing_or_foreign_master_key_is_named() {
    let ring = first(1);
    for given in [vec![], vec![master_key(1)]] {
        let error = ring.open(&given, NOW).unwrap_err();
        let text = error.to_string();
        assert!(text.contains(ring.keys()[0].key.id().as_str()), "{text}");
        assert!(text.contains(&master_key(0).id()), "{text}");
        assert!(text.contains("--master-key-file"), "{text}");
        assert!(matches!(error, RingError::MasterKeyMissing { .. }));
    }
    assert!(ring.open(&[master_key(1), master_key(0)], NOW).is_ok(), "all unwrap");
}

#[test]
fn a_master_key_that_only_the_next_key_needs_is_missed_at_once() {
    let mut keys = vec![first(1).keys.remove(0)];
    let mut next = Ring::first(&master_key(1), NOW, &SeededEntropy::new(2));
    next.keys[0].state = KeyState::Next;
    keys.append(&mut next.keys);
    let mut ring = Ring::new(keys).unwrap();
    assert!(matches!(open(&ring, NOW).unwrap_err(), RingError::MasterKeyMissing { .. }));
    ring.keys[1].state = KeyState::Retired;
    assert!(open(&ring, NOW).is_err(), "what verifies must have been put there by who holds the master key");
    ring.keys[1].verify_until = Some(NOW);
    assert!(open(&ring, NOW).is_ok(), "what verifies no more is not looked at");
}

#[test]
fn a_ring_that_contradicts_itself_is_damaged() {
    let (ring, other) = (first(1), first(2));
    let (key, another) = (&ring.keys()[0], &other.keys()[0]);
    for text in [
        String::new(),
        "null".into(),
        r#"{"format":1}"#.into(),
        r#"{"keys":[]}"#.into(),
        changed(&ring, r#""format":1"#, r#""format":"1""#),
        changed(&ring, "ACTIVE", "active"),
        changed(&ring, r#""sign_until":null"#, r#""sign_until":null,"weight":1"#),
        changed(&ring, r#""format":1"#, r#""format":1,"weight":1"#),
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
    assert_eq!(two_active.unwrap_err(), RingError::Damaged("two keys are active"));
}

#[test]
fn a_newer_format_is_told_from_damage() {
    for text in
        [r#"{"format":2,"rings":[]}"#.to_owned(), changed(&first(1), r#""format":1"#, r#""format":2"#)]
    {
        assert_eq!(Ring::parse(&text).unwrap_err(), RingError::UnknownFormat(2));
    }
}

#[test]
fn a_swapped_or_changed_private_half_does_not_sign() {
    let (ring, other) = (first(1), first(2));
    let wrapped = &ring.keys()[0].wrapped_key;
    let swapped = changed(&ring, wrapped, &other.keys()[0].wrapped_key);
    let error = open(&Ring::parse(&swapped).unwrap(), NOW).unwrap_err();
    assert_eq!(error, RingError::Damaged("a wrapped key is not the published one"));
    let cut = changed(&ring, wrapped, &wrapped[..wrapped.len() - 1]);
    let error = open(&Ring::parse(&cut).unwrap(), NOW).unwrap_err();
    assert_eq!(error, RingError::Damaged("a wrapped key does not unwrap"));
}

#[test]
fn a_ring_shows_no_private_half() {
    let entropy = SeededEntropy::new(9);
    let secret = SecretKey::generate(&SeededEntropy::new(9));
    let ring = Ring::first(&master_key(0), NOW, &entropy);
    assert_eq!(&ring.keys()[0].key, secret.public_key(), "the same seed, the same key");
    let hidden = [secret.to_paserk(), master_key(0).to_paserk()];
    let open = open(&ring, NOW).unwrap();
    for shown in [ring.to_json(), format!("{ring:?} {open:?} {secret:?} {:?}", master_key(0))] {
        for secret in &hidden {
            let middle = &secret[12..40];
            assert!(!shown.contains(middle), "{shown}");
        }
        assert!(!shown.contains(&format!("{:?}", &secret.to_bytes()[..8])), "{shown}");
    }
}
