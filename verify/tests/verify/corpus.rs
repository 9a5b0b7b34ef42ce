//! The corpus, `verify/corpus/tokens.json`: it is what the generator makes, and this verifier decides it as it says.

use std::collections::BTreeSet;

use countersign_verify::{
    Defect, KeyId, KeySet, PublicKey, Revocation, Revocations, Revoked, TokenError, Verifier, paseto,
};
use jiff::Timestamp;
use serde::Deserialize;
use uuid::Uuid;

use super::made;

const FILE: &str = include_str!("../../corpus/tokens.json");

#[derive(Deserialize)]
struct Corpus {
    issuer: String,
    audience: String,
    now: String,
    keys: Vec<Key>,
    revocations: Vec<Entry>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Key {
    key: String,
    key_id: String,
    trusted: bool,
}

#[derive(Deserialize)]
struct Entry {
    user_id: Option<String>,
    below_epoch: Option<i64>,
    session_id: Option<String>,
    key_id: Option<String>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    layer: String,
    valid: bool,
    reason: Option<String>,
    defect: Option<String>,
    token: String,
}

impl Entry {
    fn revoked(&self) -> Revoked {
        let id = |text: &str| Uuid::parse_str(text).unwrap();
        match (&self.user_id, self.below_epoch, &self.session_id, &self.key_id) {
            (Some(user), Some(below_epoch), None, None) => Revoked::User { user_id: id(user), below_epoch },
            (Some(user), None, Some(session), None) => {
                Revoked::Session { user_id: id(user), session_id: id(session) }
            }
            (None, None, None, Some(key_id)) => Revoked::Key(KeyId::parse(key_id).unwrap()),
            _ => panic!("no revocation"),
        }
    }
}

fn corpus() -> Corpus {
    serde_json::from_str(FILE).unwrap()
}

/// The reason and the defect, as the corpus has them, of a token that is refused.
struct Judge {
    verifier: Verifier,
    keys: KeySet,
    revocations: Revocations,
    now_millis: i64,
}

impl Judge {
    fn of(corpus: &Corpus) -> Self {
        let trusted = corpus.keys.iter().filter(|key| key.trusted);
        let mut revocations = Revocations::default();
        for (sequence, entry) in (1..).zip(&corpus.revocations) {
            revocations.add(&Revocation { sequence, revoked: entry.revoked(), forget_at: i64::MAX });
        }
        Self {
            verifier: Verifier::new(&corpus.issuer, &corpus.audience).unwrap(),
            keys: KeySet::new(trusted.map(|key| PublicKey::from_paserk(&key.key).unwrap())),
            revocations,
            now_millis: corpus.now.parse::<Timestamp>().unwrap().as_millisecond(),
        }
    }

    fn refusal(&self, token: &str) -> Option<(&'static str, Option<Defect>)> {
        match self.verifier.verify(&self.keys, token, self.now_millis) {
            Ok(good) if self.revocations.hit(&good.claims, &good.key_id) => Some(("revoked", None)),
            Ok(_) => None,
            Err(TokenError::Expired) => Some(("expired", None)),
            Err(TokenError::Invalid(defect)) => Some(("invalid", Some(defect))),
        }
    }
}

/// `NotYetValid` is "not yet valid".
fn spaced(defect: Defect) -> String {
    let name = format!("{defect:?}");
    let words: String = name
        .chars()
        .flat_map(|letter| [letter.is_ascii_uppercase().then_some(' '), Some(letter.to_ascii_lowercase())])
        .flatten()
        .collect();
    words.trim_start().to_owned()
}

#[test]
fn the_corpus_in_the_repository_is_what_is_made() {
    let made = made::text();
    for (line, made) in FILE.lines().zip(made.lines()) {
        assert_eq!(line, made);
    }
    assert_eq!(FILE.len(), made.len());
}

#[test]
fn our_verifier_decides_every_case_as_the_corpus_says() {
    let corpus = corpus();
    let judge = Judge::of(&corpus);
    let mut wrong = Vec::new();
    for case in &corpus.cases {
        let refusal = judge.refusal(&case.token);
        let reason = refusal.map(|(reason, _)| reason);
        let defect = refusal.and_then(|(_, defect)| defect).map(spaced);
        let said = (case.valid, case.reason.as_deref(), case.defect.clone());
        if said != (reason.is_none(), reason, defect.clone()) {
            wrong.push(format!("{}: {reason:?} {defect:?}", case.name));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// As is a token that was verified before it was revoked, but not by the key set alone.
#[test]
fn without_revocations_the_cases_of_that_layer_alone_are_decided_otherwise() {
    let corpus = corpus();
    let judge = Judge { revocations: Revocations::default(), ..Judge::of(&corpus) };
    for case in &corpus.cases {
        let differs = judge.refusal(&case.token).is_none() != case.valid;
        assert_eq!(differs, case.layer == "trust" && !case.valid, "{}", case.name);
    }
}

#[test]
fn the_corpus_has_every_kind_of_case() {
    let corpus = corpus();
    assert!(corpus.cases.len() > 400, "{}", corpus.cases.len());
    let names: BTreeSet<_> = corpus.cases.iter().map(|case| &case.name).collect();
    assert_eq!(names.len(), corpus.cases.len(), "a name stands for one case");
    for layer in ["paseto", "claims", "countersign", "trust"] {
        for valid in [true, false] {
            assert!(corpus.cases.iter().any(|case| case.layer == layer && case.valid == valid), "{layer}");
        }
    }
    let defects: BTreeSet<_> = corpus.cases.iter().filter_map(|case| case.defect.clone()).collect();
    let all = [
        Defect::TooLarge,
        Defect::Shape,
        Defect::Base64,
        Defect::Header,
        Defect::UnknownKey,
        Defect::Signature,
        Defect::Claims,
        Defect::Issuer,
        Defect::Audience,
        Defect::NotYetValid,
    ];
    assert_eq!(defects, all.map(spaced).into());
    let good = corpus.cases.iter().filter(|case| case.valid);
    assert_eq!(good.map(|case| case.token.len()).max(), Some(paseto::MAX_TOKEN_BYTES));
}

#[test]
fn the_keys_of_the_corpus_have_their_ids() {
    for key in corpus().keys {
        assert_eq!(PublicKey::from_paserk(&key.key).unwrap().id().as_str(), key.key_id);
    }
}
