//! The file around the cases: who issues, for whom, when it is, the keys, what has been revoked.

use serde_json::{Value, json};

use super::case::Case;
use super::maker::{ACTIVE, AUDIENCE, ISSUER, NOW, RETIRED, REVOKED, STRANGER, public};
use super::revoked::revocations;
use super::{footers, frames, good, payloads, places, revoked, signatures, times, values};

/// The whole file, a line for each key, revocation and case, so that a change shows as what it is.
pub(crate) fn text() -> String {
    let cases: Vec<String> = cases().iter().map(Case::line).collect();
    let fields = [
        ("issuer", Value::from(ISSUER).to_string()),
        ("audience", Value::from(AUDIENCE).to_string()),
        ("now", Value::from(NOW).to_string()),
        ("keys", list(&keys())),
        ("revocations", list(&revocations().map(|revocation| revocation.to_string()))),
        ("cases", list(&cases)),
    ];
    let fields = fields.map(|(name, value)| format!("  \"{name}\": {value}"));
    format!("{{\n{}\n}}\n", fields.join(",\n"))
}

fn list(lines: &[String]) -> String {
    format!("[\n    {}\n  ]", lines.join(",\n    "))
}

fn keys() -> [String; 4] {
    [
        (ACTIVE, true, "active"),
        (RETIRED, true, "retired"),
        (REVOKED, true, "revoked"),
        (STRANGER, false, "a stranger's"),
    ]
    .map(|(key, trusted, what)| {
        let key = public(key);
        json!({"key": key.to_paserk(), "key_id": key.id().as_str(), "trusted": trusted, "what": what})
            .to_string()
    })
}

fn cases() -> Vec<Case> {
    let parts = [
        good::cases(),
        frames::cases(),
        footers::cases(),
        signatures::cases(),
        payloads::cases(),
        values::cases(),
        times::cases(),
        places::cases(),
        revoked::cases(),
    ];
    parts.into_iter().flatten().collect()
}
