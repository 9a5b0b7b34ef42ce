//! Tokens of another issuer and for another audience, or nearly for this one. All of these are rightly signed.

use countersign_verify::Defect;

use super::case::{Case, Layer};
use super::maker::with;

pub(crate) fn cases() -> Vec<Case> {
    [issuers(), audiences(), lists()].into_iter().flatten().collect()
}

fn issuers() -> Vec<Case> {
    [
        "elsewhere",
        "Countersign",
        "countersign ",
        " countersign",
        "countersign/",
        "counter",
        "countersign2",
        "orders",
        "https://countersign",
        "countersign\0",
        "сountersign",
    ]
    .map(|issuer| bad("iss", Defect::Issuer, issuer))
    .into()
}

fn audiences() -> Vec<Case> {
    [
        "billing",
        "countersign",
        "Orders",
        "orders ",
        " orders",
        "order",
        "orders2",
        "orders,billing",
        "billing orders",
        "*",
        "orders\0",
        "оrders",
        "ｏrders",
    ]
    .map(|audience| bad("aud", Defect::Audience, audience))
    .into()
}

fn bad(claim: &str, defect: Defect, text: &str) -> Case {
    let value = serde_json::Value::from(text).to_string();
    Case::bad(
        Layer::Claims,
        defect,
        format!("place: {claim} is {}", text.escape_default()),
        with(claim, &value),
    )
}

/// A token is for one audience. A JWT may have a list; many a library takes one wherever it takes a text.
fn lists() -> Vec<Case> {
    [
        ("aud", r#"["orders"]"#),
        ("aud", r#"["billing","orders"]"#),
        ("aud", "[]"),
        ("aud", r#""""#),
        ("iss", r#"["countersign"]"#),
        ("iss", r#""""#),
    ]
    .map(|(claim, value)| {
        Case::bad(Layer::Claims, Defect::Claims, format!("place: {claim} is {value}"), with(claim, value))
    })
    .into()
}
