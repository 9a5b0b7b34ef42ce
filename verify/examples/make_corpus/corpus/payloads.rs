//! Faults of the payload as a whole: no JSON, not quite JSON, not an object, claims that are missing or there twice.
//! All of these are rightly signed.

use countersign_verify::Defect;

use super::case::{Case, Layer};
use super::maker::{CLAIMS, Payload, token};

pub(crate) fn cases() -> Vec<Case> {
    [wholes(), nearly_json(), bytes(), absent(), doubled(), hidden()].into_iter().flatten().collect()
}

fn bad(layer: Layer, what: &str, payload: impl AsRef<[u8]>) -> Case {
    Case::bad(layer, Defect::Claims, format!("payload: {what}"), token(payload))
}

/// Without these a token of ours would be good for everybody, or for ever: the standard claims.
fn layer_of(claim: &str) -> Layer {
    if matches!(claim, "iss" | "aud" | "exp") { Layer::Claims } else { Layer::Countersign }
}

fn wholes() -> Vec<Case> {
    let json = Payload::whole().json();
    [
        ("none", String::new()),
        ("an empty object", "{}".into()),
        ("null", "null".into()),
        ("true", "true".into()),
        ("a number", "1795468099".into()),
        ("a text", r#""exp""#.into()),
        ("the claims in a list", format!("[{json}]")),
        ("the claims in a text", serde_json::Value::from(json.as_str()).to_string()),
        ("the claims in an object", format!(r#"{{"claims":{json}}}"#)),
        ("the names of the claims in a list", r#"["iss","aud","sub","iat","nbf","exp"]"#.into()),
    ]
    .map(|(what, payload)| bad(Layer::Claims, what, payload))
    .into()
}

fn nearly_json() -> Vec<Case> {
    let whole = Payload::whole;
    let json = whole().json();
    [
        ("cut off", json[..json.len() - 1].to_owned()),
        ("a letter behind it", format!("{json}x")),
        ("another object behind it", format!("{json}{json}")),
        ("a comma behind it", format!("{json},")),
        ("a comma behind the last claim", json.replace("]}", "],}")),
        ("a comment", json.replacen(',', "/**/,", 1)),
        ("single quotes", json.replace('"', "'")),
        ("names without quotes", json.replacen("\"iss\"", "iss", 1)),
        ("a raw line break in a text", json.replace("Alice", "Al\nice")),
        ("an escape that there is not", json.replace("Alice", r"\x41lice")),
        ("a surrogate alone", json.replace("Alice", r"\ud83d")),
        ("a number that is none, NaN", whole().and("x", "NaN").json()),
        ("a number that is none, -Infinity", whole().and("x", "-Infinity").json()),
        ("a number with a zero before it", whole().and("x", "01").json()),
        ("a number in hexadecimal", whole().and("x", "0x1").json()),
        ("a number beyond a double", whole().and("x", "1e400").json()),
        ("a thousand lists in one another", whole().and("x", &"[".repeat(1_000)).json()),
        ("200 lists in one another, all closed", {
            whole().and("x", &format!("{}{}", "[".repeat(200), "]".repeat(200))).json()
        }),
    ]
    .map(|(what, payload)| bad(Layer::Countersign, what, payload))
    .into()
}

fn bytes() -> Vec<Case> {
    let json = Payload::whole().json();
    let with_name = |name: &[u8]| {
        let (start, end) = json.split_once("Alice").expect("the name is among the claims");
        [start.as_bytes(), name, end.as_bytes()].concat()
    };
    let utf_16: Vec<u8> = Payload::whole().json().encode_utf16().flat_map(u16::to_le_bytes).collect();
    vec![
        bad(Layer::Countersign, "a byte order mark before it", format!("\u{feff}{json}")),
        bad(Layer::Countersign, "a NUL behind it", format!("{json}\0")),
        bad(Layer::Countersign, "a no-break space before it", format!("\u{a0}{json}")),
        bad(Layer::Countersign, "a name of bytes that are no text", with_name(b"\xff\xfe")),
        bad(Layer::Countersign, "a name with an overlong encoding", with_name(b"\xc1\x81lice")),
        bad(Layer::Countersign, "a name with an encoded surrogate", with_name(b"\xed\xa0\xbd")),
        bad(Layer::Countersign, "a name that ends within a character", with_name(b"Al\xc3")),
        bad(Layer::Countersign, "in UTF-16", utf_16),
    ]
}

fn absent() -> Vec<Case> {
    let without = |claim| {
        let case = Payload::whole().without(claim).token();
        Case::bad(layer_of(claim), Defect::Claims, format!("claim absent: {claim}"), case)
    };
    CLAIMS.iter().map(|(claim, _)| without(claim)).collect()
}

/// The same value twice, so that whichever a reader takes is good; and for some claims another one.
fn doubled() -> Vec<Case> {
    let twice = |what: String, payload: &Payload| {
        Case::bad(Layer::Countersign, Defect::Claims, format!("claim twice: {what}"), payload.token())
    };
    let mut cases: Vec<Case> = CLAIMS
        .iter()
        .map(|(claim, value)| twice((*claim).to_owned(), &Payload::whole().and(claim, value)))
        .collect();
    for (claim, other) in [
        ("exp", r#""2000-01-01T00:00:00Z""#),
        ("aud", r#""billing""#),
        ("sub", r#""0193b4a0-5f6e-7c3a-8d5e-1f2a3b4c0009""#),
        ("roles", r#"["user"]"#),
    ] {
        let (_, value) = CLAIMS.iter().find(|(name, _)| *name == claim).expect("a claim of ours");
        let first = Payload::whole().with(claim, other).and(claim, value);
        cases.push(twice(format!("{claim}, the first one other"), &first));
    }
    cases.extend([
        twice(
            "exp, with an escape in its name".into(),
            &Payload::whole().and(r"\u0065xp", r#""2026-11-23T21:18:19Z""#),
        ),
        twice("an unknown one".into(), &Payload::whole().and("x", "1").and("x", "1")),
        twice("within an unknown one".into(), &Payload::whole().and("x", r#"[{"y":1,"y":1}]"#)),
    ]);
    cases
}

/// The claim is there, but not under its name.
fn hidden() -> Vec<Case> {
    let renamed = |claim: &str, name: &str| {
        let (_, value) = CLAIMS.iter().find(|(known, _)| *known == claim).expect("a claim of ours");
        let token = Payload::whole().without(claim).and(name, value).token();
        Case::bad(layer_of(claim), Defect::Claims, format!("claim absent: {claim}, there is {name:?}"), token)
    };
    [
        ("exp", "EXP"),
        ("exp", "exp "),
        ("exp", "expires_at"),
        ("exp", "ехр"),
        ("aud", "Aud"),
        ("iss", "issuer"),
        ("sub", "user_id"),
        ("sid", "session"),
        ("roles", "role"),
    ]
    .map(|(claim, name)| renamed(claim, name))
    .into()
}
