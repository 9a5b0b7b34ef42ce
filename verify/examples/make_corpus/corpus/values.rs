//! Claims of another type or form than theirs. All of these are rightly signed.

use countersign_verify::Defect;

use super::case::{Case, Layer};
use super::maker::{CLAIMS, with};

const ID: &str = "0193b4a0-5f6e-7c3a-8d5e-1f2a3b4c5d6e";

pub(crate) fn cases() -> Vec<Case> {
    [nulls(), types(), numbers(), ids(), lists()].into_iter().flatten().collect()
}

fn bad(claim: &str, value: &str) -> Case {
    // The names and times that any reader of claims must compare are no text.
    let standard = matches!(claim, "iss" | "aud" | "exp" | "nbf" | "iat") && !matches!(value, "\"\"");
    let layer = if standard { Layer::Claims } else { Layer::Countersign };
    let name = format!("value: {claim} is {}", shown(value));
    Case::bad(layer, Defect::Claims, name, with(claim, value))
}

fn shown(value: &str) -> String {
    if value.len() > 60 { format!("{} bytes of JSON", value.len()) } else { value.to_owned() }
}

fn nulls() -> Vec<Case> {
    CLAIMS.iter().map(|(claim, _)| bad(claim, "null")).collect()
}

fn types() -> Vec<Case> {
    let mut cases = Vec::new();
    for (claim, value) in CLAIMS {
        let listed = format!("[{value}]");
        let others: &[&str] = match claim {
            "iss" | "aud" => &["1", "true", "{}"],
            "iat" | "nbf" | "exp" => &["1795468699", "1795468699.5", "true", "{}", "[]"],
            "auth_time" => &["1795468094", "false"],
            "sub" | "jti" | "sid" => &["0", "[]"],
            "ep" => &[r#""3""#, "true"],
            "name" => &["5", "false", "{}"],
            _ => &[r#""admin""#, r#"{"0":"admin"}"#, "1"],
        };
        cases.extend(others.iter().map(|other| bad(claim, other)));
        if !matches!(claim, "iss" | "aud") {
            cases.push(bad(claim, &listed));
        }
    }
    cases
}

fn numbers() -> Vec<Case> {
    [
        "-1",
        "-9223372036854775808",
        "9223372036854775808",
        "1e400",
        "1e2",
        "3.0",
        "-0",
        "03",
        "+3",
        "0x3",
        "NaN",
    ]
    .map(|value| bad("ep", value))
    .into()
}

fn ids() -> Vec<Case> {
    let forms = [
        ID.to_uppercase(),
        ID.replace('-', ""),
        format!("{{{ID}}}"),
        format!("urn:uuid:{ID}"),
        format!("{ID} "),
        format!("{ID}0"),
        ID[1..].to_owned(),
        ID.replace('-', "\u{2010}"),
        ID.replacen('0', "g", 1),
        "me".to_owned(),
        String::new(),
    ];
    let mut cases: Vec<Case> = forms.iter().map(|form| bad("sub", &format!("\"{form}\""))).collect();
    cases.extend([bad("sid", &format!("\"{}\"", ID.to_uppercase())), bad("jti", "\"1\"")]);
    cases
}

fn lists() -> Vec<Case> {
    [
        ("roles", "[1]"),
        ("roles", "[null]"),
        ("roles", r#"["service",true]"#),
        ("roles", r#"[{"name":"admin"}]"#),
        ("amr", "[2]"),
    ]
    .map(|(claim, value)| bad(claim, value))
    .into()
}
