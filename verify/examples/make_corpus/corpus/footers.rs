//! Faults of the footer. Nearly all of these are rightly signed: a library that does not look at the footer, or that
//! reads it as JSON, takes them. Ours are found by comparing bytes.

use countersign_verify::Defect;

use super::case::{Case, Layer};
use super::maker::{ACTIVE, Payload, RETIRED, STRANGER, footer, good, id, public, sign};

pub(crate) fn cases() -> Vec<Case> {
    [mixed_up(), spellings(), kids(), texts()].into_iter().flatten().collect()
}

fn signed(key: u8, footer: impl AsRef<[u8]>) -> String {
    sign(key, Payload::whole().json(), footer)
}

/// Signed by one key, with the footer of another one.
fn mixed_up() -> Vec<Case> {
    let cases = [
        (Layer::Countersign, Defect::Signature, "by the active key, names the retired one", ACTIVE, RETIRED),
        (Layer::Countersign, Defect::Signature, "by the retired key, names the active one", RETIRED, ACTIVE),
        (Layer::Countersign, Defect::UnknownKey, "by the active key, names a stranger's", ACTIVE, STRANGER),
        (Layer::Paseto, Defect::Signature, "by a stranger's key, names the active one", STRANGER, ACTIVE),
        (Layer::Paseto, Defect::UnknownKey, "by a stranger's key, which it names", STRANGER, STRANGER),
    ];
    cases
        .map(|(layer, defect, what, signer, named)| {
            Case::bad(layer, defect, format!("footer: {what}"), signed(signer, footer(named)))
        })
        .into()
}

/// What says the same to a reader of JSON.
fn spellings() -> Vec<Case> {
    let (kid, plain) = (id(ACTIVE), footer(ACTIVE));
    let escaped = kid.replacen('k', r"\u006b", 1);
    unknown([
        ("a space in it", format!(r#"{{"kid": "{kid}"}}"#)),
        ("a line break behind it", format!("{plain}\n")),
        ("a byte order mark before it", format!("\u{feff}{plain}")),
        ("an escape in the name", format!(r#"{{"k\u0069d":"{kid}"}}"#)),
        ("an escape in the id", format!(r#"{{"kid":"{escaped}"}}"#)),
        ("the id twice", format!(r#"{{"kid":"{kid}","kid":"{kid}"}}"#)),
        ("a stranger's id before", format!(r#"{{"kid":"{}","kid":"{kid}"}}"#, id(STRANGER))),
        ("a stranger's id behind", format!(r#"{{"kid":"{kid}","kid":"{}"}}"#, id(STRANGER))),
        ("one more member", format!(r#"{{"kid":"{kid}","iss":"countersign"}}"#)),
        ("the name in capitals", format!(r#"{{"KID":"{kid}"}}"#)),
    ])
}

fn kids() -> Vec<Case> {
    let (kid, key) = (id(ACTIVE), public(ACTIVE).to_paserk());
    let values = [
        ("a list of the id", format!(r#"["{kid}"]"#)),
        ("an object", format!(r#"{{"id":"{kid}"}}"#)),
        ("null", "null".into()),
        ("a number", "1".into()),
        ("an empty text", r#""""#.into()),
        ("the id in capitals", format!(r#""{}""#, kid.to_uppercase())),
        ("the id and a NUL", format!(r#""{kid}\u0000""#)),
        ("the id with spaces around", format!(r#"" {kid} ""#)),
        ("the id of a secret key", format!(r#""{}""#, kid.replace("pid", "sid"))),
        ("the key itself", format!(r#""{key}""#)),
        ("an id of nobody's key", r#""k4.pid.yh4-bJYjOYAG6CWy0zsfPmpKylxS7uAWrxqVmBN2KAiJ""#.into()),
        ("a path", r#""../../../../etc/passwd""#.into()),
        ("the address of a key set", r#""https://keys.example/k4.json""#.into()),
        ("a query", r#""' OR 1=1 --""#.into()),
        ("__proto__", r#""__proto__""#.into()),
    ];
    let footers = values.map(|(what, value)| (what, format!(r#"{{"kid":{value}}}"#)));
    let mut cases = unknown(footers);
    let key = public(STRANGER).to_paserk();
    for footer in [format!(r#"{{"kid":"{}","key":"{key}"}}"#, id(ACTIVE)), format!(r#"{{"kid":"{key}"}}"#)] {
        let name = format!("footer: by a stranger's key, which it carries, {} bytes", footer.len());
        cases.push(Case::bad(Layer::Paseto, Defect::UnknownKey, name, signed(STRANGER, footer)));
    }
    cases
}

fn texts() -> Vec<Case> {
    let good = good();
    let (_, text) = good.rsplit_once('.').expect("a good token has four parts");
    let mut cases = unknown([
        ("an empty object", "{}".into()),
        ("the id alone", id(ACTIVE)),
        ("a bare number", "7".into()),
        ("no JSON", "{".into()),
        ("in base64url once more", text.to_owned()),
        ("a list in a list, 900 times", "[".repeat(900)),
        ("1000 bytes", "f".repeat(1_000)),
        ("a NUL", "\0".into()),
    ]);
    let invalid = Case::bad(
        Layer::Countersign,
        Defect::UnknownKey,
        "footer: bytes that are no text",
        signed(ACTIVE, [0xff, 0xfe, 0xc0]),
    );
    let none = signed(ACTIVE, "");
    let emptied = format!("{none}.");
    cases.extend([
        invalid,
        Case::bad(Layer::Countersign, Defect::Shape, "footer: none, rightly signed so", none),
        Case::bad(
            Layer::Countersign,
            Defect::Shape,
            "footer: none, rightly signed so, with its dot",
            emptied,
        ),
    ]);
    cases
}

/// Rightly signed by the active key, with a footer that names no key of the set.
fn unknown<const N: usize>(footers: [(&str, String); N]) -> Vec<Case> {
    footers
        .map(|(what, footer)| {
            let token = signed(ACTIVE, footer);
            Case::bad(Layer::Countersign, Defect::UnknownKey, format!("footer: {what}"), token)
        })
        .into()
}
