//! The official PASERK vectors that concern us, through our own code.

use serde_json::Value;

use super::{WRAP_HEADER, decode, encode, unwrap, wrap_with_nonce};
use crate::crypto::test_support::SeededEntropy;
use crate::crypto::{MasterKey, SecretKey};

fn vectors(name: &str) -> Vec<Value> {
    let path = format!("{}/tests/vectors/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).unwrap();
    let file: Value = serde_json::from_str(&text).unwrap();
    file["tests"].as_array().unwrap().clone()
}

fn bytes<const N: usize>(value: &Value) -> Option<[u8; N]> {
    let text = value.as_str()?;
    let decoded: Option<Vec<u8>> =
        (0..text.len() / 2).map(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).ok()).collect();
    decoded?.try_into().ok()
}

fn fails(vector: &Value) -> bool {
    vector["expect-fail"].as_bool().unwrap()
}

#[test]
fn k4_local_vectors() {
    let vectors = vectors("k4.local");
    for vector in &vectors {
        let paserk = vector["paserk"].as_str();
        if fails(vector) {
            let refused = paserk.is_none_or(|text| MasterKey::parse(text).is_err());
            assert!(refused, "{vector}");
        } else {
            let key = MasterKey::parse(paserk.unwrap()).unwrap();
            assert_eq!(key.to_paserk().as_str(), paserk.unwrap());
            assert_eq!(*decode::<32>("k4.local.", paserk.unwrap()).unwrap(), bytes(&vector["key"]).unwrap());
        }
    }
    assert!(vectors.len() >= 3);
}

#[test]
fn k4_lid_vectors() {
    let vectors = vectors("k4.lid");
    for vector in vectors.iter().filter(|vector| !fails(vector)) {
        let text = encode("k4.local.", &bytes::<32>(&vector["key"]).unwrap());
        assert_eq!(MasterKey::parse(&text).unwrap().id(), vector["paserk"].as_str().unwrap());
    }
    assert!(vectors.len() >= 3);
}

#[test]
fn k4_secret_vectors() {
    let vectors = vectors("k4.secret");
    for vector in &vectors {
        match (vector["paserk"].as_str(), bytes::<64>(&vector["key"])) {
            (Some(text), Some(key)) if !fails(vector) => {
                assert_eq!(*decode::<64>("k4.secret.", text).unwrap(), key);
                // The vectors' own public halves are not always those of their seeds; ours have to be.
                match SecretKey::from_paserk(text) {
                    Ok(secret) => assert_eq!(secret.to_paserk().as_str(), text),
                    Err(_) => assert_ne!(
                        ed25519_dalek::SigningKey::from_bytes(&key[..32].try_into().unwrap())
                            .verifying_key()
                            .as_bytes(),
                        &key[32..]
                    ),
                }
            }
            (Some(text), _) => assert!(SecretKey::from_paserk(text).is_err(), "{vector}"),
            (None, key) => assert!(fails(vector) && key.is_none(), "{vector}"),
        }
    }
    assert!(vectors.len() >= 3);
}

#[test]
fn k4_secret_wrap_pie_vectors() {
    let vectors = vectors("k4.secret-wrap.pie");
    let mut opened = 0;
    for vector in &vectors {
        let wrapping_key = bytes::<32>(&vector["wrapping-key"]).unwrap();
        let text = vector["paserk"].as_str().unwrap();
        match unwrap(&wrapping_key, text) {
            Err(_) => assert!(fails(vector), "{vector}"),
            Ok(secret) => {
                assert!(!fails(vector), "{vector}");
                assert_eq!(*secret, bytes(&vector["unwrapped"]).unwrap());
                let inside = decode::<128>(WRAP_HEADER, text).unwrap();
                assert_eq!(wrap_with_nonce(&wrapping_key, &secret, inside[32..64].try_into().unwrap()), text);
                opened += 1;
            }
        }
    }
    assert!(opened >= 2, "{opened}");
}

#[test]
fn a_wrapped_key_opens_under_its_own_master_key_alone() {
    let entropy = SeededEntropy::new(1);
    let (mine, other) = (MasterKey::generate(&entropy), MasterKey::generate(&entropy));
    let secret = SecretKey::generate(&entropy);
    let wrapped = mine.wrap(&secret, &entropy);
    assert_eq!(mine.unwrap(&wrapped).unwrap().to_paserk(), secret.to_paserk());
    assert!(other.unwrap(&wrapped).is_err());
    for index in 0..wrapped.len() {
        let mut changed = wrapped.clone();
        changed.replace_range(index..=index, if &wrapped[index..=index] == "A" { "B" } else { "A" });
        assert!(mine.unwrap(&changed).is_err(), "{index}");
    }
}

#[test]
fn nothing_secret_is_in_debug() {
    let entropy = SeededEntropy::new(1);
    let (master, secret) = (MasterKey::generate(&entropy), SecretKey::generate(&entropy));
    for (shown, hidden) in
        [(format!("{master:?}"), master.to_paserk()), (format!("{secret:?}"), secret.to_paserk())]
    {
        assert!(!shown.contains(&hidden[12..30]), "{shown}");
    }
}
