//! The official test vectors (tests/vectors) through our own code. They use what tokens of ours never have, no footer
//! or an implicit assertion, and keys that are no points: so they go in one floor below the public functions.

use ed25519_dalek::{Signer as _, SigningKey};
use serde::Deserialize;

use super::paseto::{assemble, asserted_input, split, split_parts};
use super::{KeyError, KeyId, PublicKey, key};

#[derive(Deserialize)]
struct File {
    tests: Vec<Vector>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Vector {
    name: String,
    expect_fail: bool,
    key: Option<String>,
    paserk: Option<String>,
    public_key: Option<String>,
    secret_key_seed: Option<String>,
    token: Option<String>,
    payload: Option<String>,
    footer: Option<String>,
    implicit_assertion: Option<String>,
}

fn vectors(json: &str) -> Vec<Vector> {
    serde_json::from_str::<File>(json).unwrap().tests
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.chars().map(|digit| digit.to_digit(16).unwrap() as u8).collect();
    digits.chunks(2).map(|pair| pair[0] * 16 + pair[1]).collect()
}

fn array(hex: &str) -> [u8; 32] {
    bytes(hex).try_into().unwrap()
}

/// The payload if the token is good, as a verifier without demands on footer and claims would decide.
fn verified(token: &str, key: &PublicKey, assertion: &str) -> Option<Vec<u8>> {
    let parts = split_parts(token).ok()?;
    let signed = asserted_input(parts.payload(), parts.footer(), assertion.as_bytes());
    key.verifies(&signed, parts.signature()).then(|| parts.payload().to_vec())
}

#[test]
fn v4_public_vectors_sign_and_verify_byte_for_byte() {
    let mut ran = Vec::new();
    for vector in vectors(include_str!("../tests/vectors/v4.json")) {
        if !vector.name.starts_with("4-S-") {
            continue;
        }
        let (token, payload) = (vector.token.unwrap(), vector.payload.unwrap());
        let (footer, assertion) = (vector.footer.unwrap(), vector.implicit_assertion.unwrap());
        let key = PublicKey::from_bytes(&array(&vector.public_key.unwrap())).unwrap();
        let signer = SigningKey::from_bytes(&array(&vector.secret_key_seed.unwrap()));

        let signed = asserted_input(payload.as_bytes(), footer.as_bytes(), assertion.as_bytes());
        let signature = signer.sign(&signed).to_bytes();
        assert_eq!(assemble(payload.as_bytes(), &signature, footer.as_bytes()), token);
        assert_eq!(verified(&token, &key, &assertion).unwrap(), payload.as_bytes());
        assert_eq!(split(&token).is_ok(), !footer.is_empty());

        assert_eq!(verified(&token, &key, "another assertion"), None);
        assert_eq!(verified(&format!("{token}."), &key, &assertion), None);
        ran.push(vector.name);
    }
    assert_eq!(ran, ["4-S-1", "4-S-2", "4-S-3"]);
}

#[test]
fn v4_vectors_that_must_fail_do() {
    let all = vectors(include_str!("../tests/vectors/v4.json"));
    let key = all.iter().find_map(|vector| vector.public_key.as_deref()).unwrap();
    let key = PublicKey::from_bytes(&array(key)).unwrap();
    let mut ran = Vec::new();
    for vector in all.iter().filter(|vector| vector.expect_fail) {
        let token = vector.token.as_deref().unwrap();
        let assertion = vector.implicit_assertion.as_deref().unwrap();
        assert_eq!(verified(token, &key, assertion), None, "{}", vector.name);
        ran.push(vector.name.as_str());
    }
    assert_eq!(ran, ["4-F-1", "4-F-2", "4-F-3", "4-F-4", "4-F-5"]);
}

#[test]
fn k4_public_vectors_have_their_texts() {
    let mut ran = 0;
    for vector in vectors(include_str!("../tests/vectors/k4.public.json")) {
        let key = bytes(&vector.key.unwrap());
        if vector.expect_fail {
            refuse_wrong_length(&key);
        } else {
            let paserk = vector.paserk.unwrap();
            let key: [u8; 32] = key.try_into().unwrap();
            assert_eq!(key::key_text(&key), paserk);
            assert_eq!(key::key_bytes(&paserk), Ok(key));
            assert_eq!(PublicKey::from_paserk(&paserk), PublicKey::from_bytes(&key));
        }
        ran += 1;
    }
    assert_eq!(ran, 4);
}

#[test]
fn k4_pid_vectors_have_their_ids() {
    let mut ran = 0;
    for vector in vectors(include_str!("../tests/vectors/k4.pid.json")) {
        let key = bytes(&vector.key.unwrap());
        if vector.expect_fail {
            refuse_wrong_length(&key);
        } else {
            let paserk = vector.paserk.unwrap();
            assert_eq!(key::key_id(&key.try_into().unwrap()).as_str(), paserk);
            assert!(KeyId::parse(&paserk).is_ok());
        }
        ran += 1;
    }
    assert_eq!(ran, 5);
}

/// Keys of another version are longer, truncated ones shorter: no function of ours takes their bytes, so that what is
/// left to refuse is a text that carries them.
fn refuse_wrong_length(key: &[u8]) {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    assert!(<[u8; 32]>::try_from(key).is_err());
    for version in ["k4", "k3"] {
        let text = format!("{version}.public.{}", URL_SAFE_NO_PAD.encode(key));
        assert_eq!(PublicKey::from_paserk(&text), Err(KeyError::Malformed));
    }
}
