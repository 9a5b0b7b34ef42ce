//! Another implementation of PASETO, pasetors, as a second opinion: what we make it takes, what it makes we take, and
//! on everything in between we agree, but for the cases in `is_stricter`.

use countersign_verify::{Claims, footer_for, paseto};
use pasetors::claims::ClaimsValidationRules;
use pasetors::footer::Footer;
use pasetors::keys::{AsymmetricPublicKey, AsymmetricSecretKey};
use pasetors::paserk::{FormatAsPaserk as _, Id};
use pasetors::token::{Public, UntrustedToken};
use pasetors::version4::{PublicToken, V4};
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop_oneof, proptest};
use proptest::{collection, option};

use super::kit::{ISSUED_AT, NOW, claims, key, keys, sign, signer, token, verifier};

fn their_public(seed: u8) -> AsymmetricPublicKey<V4> {
    AsymmetricPublicKey::from(key(seed).as_bytes()).unwrap()
}

fn their_secret(seed: u8) -> AsymmetricSecretKey<V4> {
    AsymmetricSecretKey::from(&signer(seed).to_keypair_bytes()).unwrap()
}

/// The payload, if pasetors takes the token.
fn they_take(token: &str) -> Option<Vec<u8>> {
    let untrusted = UntrustedToken::<Public, V4>::try_from(token).ok()?;
    let trusted = PublicToken::verify(&their_public(1), &untrusted, None, None).ok()?;
    Some(trusted.payload().as_bytes().to_vec())
}

/// The payload, if we take the token's frame and signature.
fn we_take(token: &str) -> Option<Vec<u8>> {
    let parts = paseto::split(token).ok()?;
    let signed = paseto::signing_input(parts.payload(), parts.footer());
    key(1).verifies(&signed, parts.signature()).then(|| parts.payload().to_vec())
}

/// Good for pasetors, not for us: a token that names no key, one with a `.` behind it, and one beyond the limit.
fn is_stricter(token: &str) -> bool {
    token.matches('.').count() < 3 || token.ends_with('.') || token.len() > paseto::MAX_TOKEN_BYTES
}

fn config() -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::default() }
}

#[derive(Clone, Debug)]
enum Change {
    None,
    Replace(usize, char),
    Insert(usize, char),
    Remove(usize),
    Append(&'static str),
}

fn change() -> impl Strategy<Value = Change> {
    let character =
        || proptest::char::ranges(vec!['-'..='9', 'A'..='Z', '_'..='_', 'a'..='z', '='..='='].into());
    prop_oneof![
        Just(Change::None),
        (any::<usize>(), character()).prop_map(|(at, new)| Change::Replace(at, new)),
        // The last characters are where two spellings may stand for the same bytes.
        (0..3_usize, character()).prop_map(|(back, new)| Change::Replace(usize::MAX - back, new)),
        (any::<usize>(), character()).prop_map(|(at, new)| Change::Insert(at, new)),
        any::<usize>().prop_map(Change::Remove),
        proptest::sample::select(vec![".", "=", "==", "A", ".e30", "\n"]).prop_map(Change::Append),
    ]
}

fn apply(change: &Change, token: &str) -> String {
    let mut characters: Vec<char> = token.chars().collect();
    let length = characters.len();
    // usize::MAX - n is the n-th from the end.
    let place = |at: usize| {
        if usize::MAX - at < 3 { length - 1 - (usize::MAX - at) } else { at % length }
    };
    match *change {
        Change::None => {}
        Change::Replace(at, new) => characters[place(at)] = new,
        Change::Insert(at, new) => characters.insert(place(at), new),
        Change::Remove(at) => drop(characters.remove(place(at))),
        Change::Append(text) => characters.extend(text.chars()),
    }
    characters.into_iter().collect()
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn they_take_every_token_of_ours(payload in "\\PC{1,300}", footer in collection::vec(any::<u8>(), 1..80)) {
        let token = sign(1, payload.as_bytes(), &footer);
        assert_eq!(they_take(&token), Some(payload.clone().into_bytes()));
        assert_eq!(we_take(&token), (!is_stricter(&token)).then(|| payload.into_bytes()));
    }

    #[test]
    fn ed25519_is_deterministic_so_both_make_the_same_token(
        payload in collection::vec(any::<u8>(), 1..300),
        footer in collection::vec(any::<u8>(), 0..80),
    ) {
        let theirs = PublicToken::sign(&their_secret(1), &payload, Some(&footer), None).unwrap();
        assert_eq!(sign(1, &payload, &footer), theirs);
    }

    #[test]
    fn both_agree_on_changed_tokens(
        payload in "\\PC{1,60}",
        footer in option::of(collection::vec(any::<u8>(), 1..40)),
        change in change(),
    ) {
        let token = sign(1, payload.as_bytes(), &footer.unwrap_or_default());
        let changed = apply(&change, &token);
        let expected = if is_stricter(&changed) { None } else { they_take(&changed) };
        assert_eq!(we_take(&changed), expected, "{changed}");
        assert!(changed == token || we_take(&changed).is_none(), "{changed}");
    }

    #[test]
    fn they_read_our_claims(name in any::<String>(), roles in collection::vec("[a-z0-9._-]{1,32}", 0..6)) {
        // Their verification reads the system's clock, so the token is good for centuries.
        let claims = Claims { name, roles, issued_at: 0, not_before: 0, expires_at: 253_000_000_000, ..claims() };
        let token = token(1, &claims);
        let mut rules = ClaimsValidationRules::new();
        rules.validate_issuer_with("countersign");
        rules.validate_audience_with("orders");
        rules.validate_subject_with(&claims.subject.to_string());
        rules.validate_token_identifier_with(&claims.token_id.to_string());
        let untrusted = UntrustedToken::<Public, V4>::try_from(&token).unwrap();
        let trusted = pasetors::public::verify(&their_public(1), &untrusted, &rules, None, None).unwrap();
        let read = trusted.payload_claims().unwrap();
        assert_eq!(read.get_claim("name").unwrap().as_str(), Some(claims.name.as_str()));
        assert_eq!(read.get_claim("ep").unwrap().as_i64(), Some(claims.epoch));
        assert_eq!(read.get_claim("roles").unwrap().as_array().unwrap().len(), claims.roles.len());
    }
}

#[test]
fn keys_ids_and_footers_are_the_same_texts() {
    for seed in 1..50 {
        let id = Id::from(&their_public(seed));
        let (mut key_text, mut id_text) = (String::new(), String::new());
        their_public(seed).fmt(&mut key_text).unwrap();
        id.fmt(&mut id_text).unwrap();
        assert_eq!(key(seed).to_paserk(), key_text);
        assert_eq!(key(seed).id().as_str(), id_text);
        let mut footer = Footer::new();
        footer.key_id(&id);
        assert_eq!(footer_for(key(seed).id()), footer.to_string().unwrap());
    }
}

#[test]
fn we_read_their_claims() {
    let mut theirs = pasetors::claims::Claims::new().unwrap();
    theirs.issuer("countersign").unwrap();
    theirs.audience("orders").unwrap();
    theirs.subject(&claims().subject.to_string()).unwrap();
    theirs.token_identifier(&claims().token_id.to_string()).unwrap();
    theirs.issued_at("2026-11-23T22:08:19.5+01:00").unwrap();
    theirs.not_before("2026-11-23T21:08:19Z").unwrap();
    theirs.expiration("2026-11-23T21:18:19Z").unwrap();
    theirs.add_additional("sid", claims().session_id.to_string()).unwrap();
    theirs.add_additional("ep", 3).unwrap();
    theirs.add_additional("auth_time", "2026-11-23T21:08:14Z").unwrap();
    theirs.add_additional("name", "Alice").unwrap();
    theirs.add_additional("roles", vec!["admin", "service"]).unwrap();
    theirs.add_additional("amr", vec!["pwd"]).unwrap();
    let mut footer = Footer::new();
    footer.key_id(&Id::from(&their_public(1)));
    let token = pasetors::public::sign(&their_secret(1), &theirs, Some(&footer), None).unwrap();
    let verified = verifier().verify(&keys(), &token, NOW).unwrap();
    assert_eq!(verified.claims, claims());
    assert_eq!(verified.claims.issued_at, ISSUED_AT);
}
