//! Which tokens are good, why others are not, and in which order that is found.

use countersign_verify::{Claims, Defect, KeySet, TokenError, UnsetError, Verifier, footer_for, paseto};

use super::kit::{ISSUED_AT, NOW, claims, key, keys, sign, token, verifier};

fn refusal(token: &str, now_millis: i64) -> TokenError {
    verifier().verify(&keys(), token, now_millis).unwrap_err()
}

fn changed(change: impl FnOnce(&mut Claims)) -> String {
    let mut claims = claims();
    change(&mut claims);
    token(1, &claims)
}

fn is_good_at(token: &str, now_millis: i64) -> bool {
    verifier().verify(&keys(), token, now_millis).is_ok()
}

#[test]
fn a_good_token_yields_its_claims_and_its_key() {
    for seed in [1, 2] {
        let verified = verifier().verify(&keys(), &token(seed, &claims()), NOW).unwrap();
        assert_eq!(verified.claims, claims());
        assert_eq!(verified.key_id, *key(seed).id());
    }
}

#[test]
fn every_defect_is_found_and_named() {
    let good = token(1, &claims());
    let footer = footer_for(key(1).id());
    let (body, _) = good.rsplit_once('.').unwrap();
    let bob = paseto::split(&changed(|claims| claims.name = "Bob".into())).unwrap();
    let borrowed = paseto::assemble(&claims().to_json(), bob.signature(), footer.as_bytes());
    for (token, defect) in [
        ("A".repeat(paseto::MAX_TOKEN_BYTES + 1), Defect::TooLarge),
        (body.to_owned(), Defect::Shape),
        (format!("{good}."), Defect::Shape),
        (format!("{good}="), Defect::Base64),
        (good.replace("v4.public", "v4.local"), Defect::Header),
        (good.replace("v4.public", "v3.public"), Defect::Header),
        (token(3, &claims()), Defect::UnknownKey),
        (sign(1, &claims().to_json(), b"{}"), Defect::UnknownKey),
        (sign(3, &claims().to_json(), footer.as_bytes()), Defect::Signature),
        (sign(2, &claims().to_json(), footer.as_bytes()), Defect::Signature),
        (borrowed, Defect::Signature),
        (sign(1, b"{}", footer.as_bytes()), Defect::Claims),
        (changed(|claims| claims.issuer = "elsewhere".into()), Defect::Issuer),
        (changed(|claims| claims.audience = "billing".into()), Defect::Audience),
        (changed(|claims| claims.issued_at = NOW / 1000 + 6), Defect::NotYetValid),
        (changed(|claims| claims.not_before = NOW / 1000 + 6), Defect::NotYetValid),
    ] {
        assert_eq!(refusal(&token, NOW), TokenError::Invalid(defect), "{token}");
    }
}

#[test]
fn a_token_of_ours_is_recognized_whenever_and_for_whomever_it_was_made() {
    for token in [
        token(1, &claims()),
        token(2, &claims()),
        changed(|claims| claims.audience = "billing".into()),
        changed(|claims| claims.expires_at = ISSUED_AT - 1),
    ] {
        let verified = verifier().recognize(&keys(), &token).unwrap();
        assert_eq!(verified.claims.session_id, claims().session_id);
    }
    let good = token(1, &claims());
    for (token, defect) in [
        (changed(|claims| claims.issuer = "elsewhere".into()), Defect::Issuer),
        (token(3, &claims()), Defect::UnknownKey),
        (format!("{good}."), Defect::Shape),
        ("csr_abc".to_owned(), Defect::Shape),
    ] {
        assert_eq!(verifier().recognize(&keys(), &token), Err(defect), "{token}");
    }
}

#[test]
fn nothing_is_parsed_before_the_signature() {
    let footer = footer_for(key(1).id());
    let forged = sign(3, b"{\"not\": json", footer.as_bytes());
    assert_eq!(refusal(&forged, NOW), TokenError::Invalid(Defect::Signature));
    let foreign = sign(3, b"{\"not\": json", footer_for(key(3).id()).as_bytes());
    assert_eq!(refusal(&foreign, NOW), TokenError::Invalid(Defect::UnknownKey));
}

#[test]
fn a_token_for_another_place_is_invalid_even_when_it_is_over() {
    let late = NOW + 3_600_000;
    for (token, defect) in [
        (changed(|claims| claims.audience = "billing".into()), Defect::Audience),
        (changed(|claims| claims.issuer = "elsewhere".into()), Defect::Issuer),
        (
            changed(|claims| {
                claims.issuer = "elsewhere".into();
                claims.audience = "billing".into();
            }),
            Defect::Issuer,
        ),
        (changed(|claims| claims.not_before = late / 1000 + 6), Defect::NotYetValid),
    ] {
        assert_eq!(refusal(&token, late), TokenError::Invalid(defect));
    }
    assert_eq!(refusal(&token(1, &claims()), late), TokenError::Expired);
}

#[test]
fn issuer_and_audience_are_equal_or_not() {
    for other in ["Orders", "orders ", "order", "orders2", "countersign"] {
        let token = changed(|claims| claims.audience = other.into());
        assert_eq!(refusal(&token, NOW), TokenError::Invalid(Defect::Audience), "{other}");
    }
    for other in ["Countersign", "countersign/", "counter", "orders"] {
        let token = changed(|claims| claims.issuer = other.into());
        assert_eq!(refusal(&token, NOW), TokenError::Invalid(Defect::Issuer), "{other}");
    }
}

#[test]
fn a_token_is_over_at_its_expiry_to_the_millisecond() {
    let token = token(1, &claims());
    let expiry = (ISSUED_AT + 600) * 1000;
    assert!(is_good_at(&token, expiry - 1));
    for now in [expiry, expiry + 1, i64::MAX] {
        assert_eq!(refusal(&token, now), TokenError::Expired);
    }
    assert!(!claims().is_expired(expiry - 1));
    assert!(claims().is_expired(expiry));
}

#[test]
fn an_issuers_clock_may_be_five_seconds_ahead() {
    let starts = ISSUED_AT * 1000;
    for token in [
        changed(|claims| claims.not_before = ISSUED_AT - 100),
        changed(|claims| claims.issued_at = ISSUED_AT - 100),
    ] {
        assert!(is_good_at(&token, starts - 5_000));
        for now in [starts - 5_001, 0, i64::MIN] {
            assert_eq!(refusal(&token, now), TokenError::Invalid(Defect::NotYetValid));
        }
    }
}

#[test]
fn times_at_the_end_of_numbers_do_not_overflow() {
    let token = changed(|claims| {
        (claims.issued_at, claims.not_before) = (i64::MIN, i64::MIN);
        claims.expires_at = i64::MAX;
    });
    assert!(is_good_at(&token, NOW));
    assert!(!is_good_at(&token, i64::MAX));
    assert!(!is_good_at(&token, i64::MIN));
    let endless = Claims { expires_at: i64::MAX, ..claims() };
    assert!(!endless.is_expired(NOW));
}

#[test]
fn an_unset_issuer_or_audience_is_no_verifier() {
    assert_eq!(Verifier::new("", "orders").unwrap_err(), UnsetError);
    assert_eq!(Verifier::new("countersign", "").unwrap_err(), UnsetError);
}

#[test]
fn no_key_means_no_token() {
    let refused = verifier().verify(&KeySet::default(), &token(1, &claims()), NOW);
    assert_eq!(refused, Err(TokenError::Invalid(Defect::UnknownKey)));
}

#[test]
fn a_refusal_does_not_repeat_the_token() {
    for token in [
        token(3, &claims()),
        changed(|claims| claims.audience = "top-secret".into()),
        "secret.secret.secret.secret".to_owned(),
    ] {
        let refusal = refusal(&token, NOW);
        let text = format!("{refusal} {refusal:?}");
        assert!(text.len() < 100, "{text}");
        for part in token.split('.').chain(["secret", "Alice"]) {
            assert!(part == "v4" || part == "public" || !text.contains(part), "{text}");
        }
    }
}
