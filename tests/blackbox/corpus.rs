//! The corpus of tokens, `verify/corpus/`: libraries that we did not write decide it as far as they promise, and the
//! verifiers that `docs/verify.md` shows decide it but for what is written down.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use serde::Deserialize;
use serde_json::json;

use crate::harness::{run, tool};
use crate::token_libraries::{LIBRARIES, Library};

const FOLDER: &str = env!("CARGO_MANIFEST_DIR");

#[derive(Deserialize)]
struct Corpus {
    issuer: String,
    audience: String,
    now: String,
    keys: Vec<Key>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Key {
    key: String,
    trusted: bool,
}

#[derive(Debug, Deserialize)]
struct Case {
    name: String,
    layer: String,
    valid: bool,
    token: String,
}

/// The cases that somebody decides otherwise than the corpus says, by name.
#[derive(Debug, Default, Deserialize, PartialEq)]
struct Differences {
    accepts: BTreeSet<String>,
    refuses: BTreeSet<String>,
}

fn file<T: for<'de> Deserialize<'de>>(name: &str) -> T {
    let path = Path::new(FOLDER).join("verify/corpus").join(name);
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

impl Corpus {
    fn layers(&self) -> BTreeMap<&str, &str> {
        self.cases.iter().map(|case| (case.name.as_str(), case.layer.as_str())).collect()
    }

    /// Without revocations, so without the layer that needs them.
    fn differences(&self, accepted: impl IntoIterator<Item = bool>) -> Differences {
        let mut found = Differences::default();
        for (case, accepted) in self.cases.iter().zip(accepted) {
            match (case.valid, accepted) {
                _ if case.layer == "trust" => {}
                (false, true) => drop(found.accepts.insert(case.name.clone())),
                (true, false) => drop(found.refuses.insert(case.name.clone())),
                (true, true) | (false, false) => {}
            }
        }
        found
    }

    /// Which cases a library accepts that is given each trusted key in turn.
    fn accepted_by(&self, library: &Library) -> Option<Vec<bool>> {
        let keys: Vec<_> = self.keys.iter().filter(|key| key.trusted).collect();
        let question = |case: &Case, key: &Key| {
            json!({
                "key": key.key, "token": case.token, "issuer": self.issuer, "audience": self.audience, "at": self.now,
            })
        };
        let questions: Vec<_> =
            self.cases.iter().flat_map(|case| keys.iter().map(move |key| question(case, key))).collect();
        let answers = library.lines(&questions)?;
        let accepted = |answers: &[String]| answers.iter().any(|answer| answer.starts_with(r#"{"claims""#));
        Some(answers.chunks(keys.len()).map(accepted).collect())
    }
}

/// Which cases a verifier of `docs/examples` accepts.
fn accepted_by_example(tool_name: &str, program: &str) -> Option<Vec<bool>> {
    let folder = Path::new(FOLDER);
    let mut command = Command::new(tool(tool_name)?);
    command.arg(folder.join("tests/clients").join(program));
    command.args([folder.to_path_buf(), folder.join("verify/corpus/tokens.json")]);
    let output = run(&mut command, "");
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program}: {complained}");
    let said = String::from_utf8(output.stdout).unwrap();
    Some(said.lines().map(|line| line == "null").collect())
}

fn assert_as_written(who: &str, found: &Differences, written: &BTreeMap<String, Differences>) {
    let written = &written[who];
    for (what, found, written) in
        [("accepts", &found.accepts, &written.accepts), ("refuses", &found.refuses, &written.refuses)]
    {
        let new: Vec<_> = found.difference(written).collect();
        let gone: Vec<_> = written.difference(found).collect();
        assert!(new.is_empty() && gone.is_empty(), "{who} {what} also {new:#?} and no more {gone:#?}");
    }
}

#[test]
fn libraries_decide_the_corpus_but_for_what_is_written_down() {
    let (corpus, written): (Corpus, BTreeMap<_, _>) = (file("tokens.json"), file("differences.json"));
    for library in &LIBRARIES {
        let Some(accepted) = corpus.accepted_by(library) else { continue };
        assert_eq!(accepted.len(), corpus.cases.len(), "{}", library.name);
        assert_as_written(library.name, &corpus.differences(accepted), &written);
    }
}

#[test]
fn the_verifiers_of_the_documentation_decide_the_corpus_but_for_what_is_written_down() {
    let (corpus, written): (Corpus, BTreeMap<_, _>) = (file("tokens.json"), file("differences.json"));
    for (tool_name, program, who) in [
        ("clients-python", "corpus.py", "docs/examples/verify.py"),
        ("clients-node", "corpus.cjs", "docs/examples/verify.mjs"),
    ] {
        let Some(accepted) = accepted_by_example(tool_name, program) else { continue };
        assert_eq!(accepted.len(), corpus.cases.len(), "{who}");
        assert_as_written(who, &corpus.differences(accepted), &written);
    }
}

/// As `docs/examples/watch.py` remembers what it is told.
#[test]
fn the_revocations_of_the_documentation_hit_what_the_corpus_says_and_nothing_else() {
    let corpus: Corpus = file("tokens.json");
    let Some(accepted) = accepted_by_example("clients-python", "corpus.py") else { return };
    let cases = corpus.cases.iter().zip(accepted).filter(|(case, _)| case.layer == "trust");
    let wrong: Vec<_> = cases.filter(|(case, accepted)| case.valid != *accepted).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// What is written down for people to read must not hide what they would not forgive.
#[test]
fn nobody_accepts_a_forged_token_and_our_examples_none_that_breaks_a_standard_claim() {
    let (corpus, written): (Corpus, BTreeMap<String, Differences>) =
        (file("tokens.json"), file("differences.json"));
    let layers = corpus.layers();
    let libraries = LIBRARIES.map(|library| library.name);
    let known: BTreeSet<_> =
        libraries.into_iter().chain(["docs/examples/verify.py", "docs/examples/verify.mjs"]).collect();
    assert_eq!(written.keys().map(String::as_str).collect::<BTreeSet<_>>(), known);
    for (who, differences) in &written {
        for name in &differences.accepts {
            let layer = layers[name.as_str()];
            let promised = if libraries.contains(&who.as_str()) { layer == "claims" } else { false };
            assert!(promised || layer == "countersign", "{who} accepts {name}, {layer}");
        }
        for name in &differences.refuses {
            assert_eq!(layers[name.as_str()], "countersign", "{who} refuses {name}");
        }
    }
}
