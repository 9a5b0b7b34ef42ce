//! Faults of the text: its parts, its base64, its header, its size. The bytes beneath are mostly those of a good token.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_verify::{Defect, paseto};
use ed25519_dalek::Signer as _;

use super::case::{Case, Layer};
use super::maker::{ACTIVE, Payload, good, good_parts, id, public, signer, token, with_text};

const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

pub(crate) fn cases() -> Vec<Case> {
    [flips(), parts(), truncations(), base64(), strays(), headers(), sizes(), others()]
        .into_iter()
        .flatten()
        .collect()
}

fn bad(layer: Layer, cases: impl IntoIterator<Item = (&'static str, Defect, String)>) -> Vec<Case> {
    cases.into_iter().map(|(name, defect, token)| Case::bad(layer, defect, name, token)).collect()
}

/// The good token with one bit of a part's bytes turned.
fn flipped(part: usize, at: impl Fn(&[u8]) -> usize) -> String {
    let good = good();
    let mut texts: Vec<String> = good.split('.').map(str::to_owned).collect();
    let mut bytes = URL_SAFE_NO_PAD.decode(&texts[part]).expect("a good token is base64url");
    let at = at(&bytes);
    bytes[at] ^= 1;
    texts[part] = URL_SAFE_NO_PAD.encode(bytes);
    texts.join(".")
}

fn flips() -> Vec<Case> {
    let behind = |text: &'static str| {
        move |bytes: &[u8]| {
            let at = bytes.windows(text.len()).position(|window| window == text.as_bytes());
            at.expect("a good token has every claim") + text.len()
        }
    };
    let signature = |back: usize| move |bytes: &[u8]| bytes.len() - back;
    bad(
        Layer::Paseto,
        [
            ("a bit turned: the payload's first byte", Defect::Signature, flipped(2, |_| 0)),
            ("a bit turned: the user's id", Defect::Signature, flipped(2, behind("\"sub\":\"019"))),
            ("a bit turned: the expiry", Defect::Signature, flipped(2, behind("\"exp\":\"202"))),
            ("a bit turned: the epoch", Defect::Signature, flipped(2, behind("\"ep\":"))),
            ("a bit turned: a role", Defect::Signature, flipped(2, behind("\"roles\":[\""))),
            ("a bit turned: the payload's last byte", Defect::Signature, flipped(2, signature(65))),
            ("a bit turned: the first byte of R", Defect::Signature, flipped(2, signature(64))),
            ("a bit turned: the last byte of R", Defect::Signature, flipped(2, signature(33))),
            ("a bit turned: the first byte of S", Defect::Signature, flipped(2, signature(32))),
            ("a bit turned: the last byte of S", Defect::Signature, flipped(2, signature(1))),
            ("a bit turned: the footer's first byte", Defect::UnknownKey, flipped(3, |_| 0)),
            ("a bit turned: the key's id", Defect::UnknownKey, flipped(3, behind("k4.pid."))),
            ("a bit turned: the footer's last byte", Defect::UnknownKey, flipped(3, |bytes| bytes.len() - 1)),
        ],
    )
}

fn parts() -> Vec<Case> {
    let good = good();
    let (body, footer) = good.rsplit_once('.').expect("a good token has four parts");
    let texts = [
        ("nothing", String::new()),
        ("a dot", ".".into()),
        ("three dots", "...".into()),
        ("the version alone", "v4".into()),
        ("the header without its last dot", "v4.public".into()),
        ("the header alone", "v4.public.".into()),
        ("no body", format!("v4.public..{footer}")),
        ("no header", good.trim_start_matches("v4.public.").into()),
        ("the footer cut off", body.into()),
        ("the footer emptied", format!("{body}.")),
        ("a dot behind the token", format!("{good}.")),
        ("a fifth part", format!("{good}.{footer}")),
        ("a fifth part of nothing behind an empty footer", format!("{body}..")),
        ("a dot within the body", body.replacen("public.eyJ", "public.eyJ.", 1) + "." + footer),
        ("the token twice", format!("{good}{good}")),
        ("the token twice, with a dot", format!("{good}.{good}")),
        ("the footer before the body", {
            let body = body.trim_start_matches("v4.public.");
            format!("v4.public.{footer}.{body}")
        }),
    ];
    texts.map(|(what, text)| Case::bad(Layer::Paseto, Defect::Shape, format!("parts: {what}"), text)).into()
}

fn truncations() -> Vec<Case> {
    let parts = good_parts();
    let footer = URL_SAFE_NO_PAD.encode(parts.footer());
    let body = |bytes: &[u8]| format!("v4.public.{}.{footer}", URL_SAFE_NO_PAD.encode(bytes));
    let whole = [parts.payload(), parts.signature()].concat();
    let good = good();
    bad(
        Layer::Paseto,
        [
            ("cut: the last character of the footer", Defect::Base64, good[..good.len() - 1].to_owned()),
            ("cut: the second half", Defect::Base64, good[..good.len() / 2].to_owned()),
            ("cut: the signature", Defect::Signature, body(parts.payload())),
            ("cut: the last byte of the signature", Defect::Signature, body(&whole[..whole.len() - 1])),
            ("cut: the first byte of the payload", Defect::Signature, body(&whole[1..])),
            ("cut: all but 63 bytes", Defect::Shape, body(&whole[whole.len() - 63..])),
            ("cut: all but the signature", Defect::Signature, body(parts.signature())),
            ("cut: all but a byte", Defect::Shape, body(&whole[..1])),
            ("grown: a byte behind the signature", Defect::Signature, body(&[&whole[..], b"\0"].concat())),
            ("grown: a byte before the payload", Defect::Signature, body(&[b"\0", &whole[..]].concat())),
        ],
    )
}

/// The same bytes in another spelling: whoever takes a token's text for its name takes two for one.
fn base64() -> Vec<Case> {
    let good = with_text("name", "Ali");
    let (body, footer) = good.rsplit_once('.').expect("a good token has four parts");
    let respelt = |text: &str| {
        let (start, last) = text.split_at(text.len() - 1);
        let sextet = ALPHABET.find(last).expect("a good token is base64url");
        format!("{start}{}", &ALPHABET[sextet | 1..][..1])
    };
    // Whatever stands before them, five of these hold three that make a `_`, and a `-`.
    let dashed = with_text("name", "?????~~~~~");
    bad(
        Layer::Countersign,
        [
            (
                "base64: spare bits at the end of the body",
                Defect::Base64,
                format!("{}.{footer}", respelt(body)),
            ),
            (
                "base64: spare bits at the end of the footer",
                Defect::Base64,
                format!("{body}.{}", respelt(footer)),
            ),
            ("base64: the body padded", Defect::Base64, format!("{body}==.{footer}")),
            ("base64: the footer padded", Defect::Base64, format!("{good}==")),
            ("base64: the footer padded by half", Defect::Base64, format!("{good}=")),
            ("base64: the other alphabet", Defect::Base64, dashed.replace('-', "+").replace('_', "/")),
            ("base64: a line break behind the token", Defect::Base64, format!("{good}\n")),
            ("base64: a space behind the token", Defect::Base64, format!("{good} ")),
            (
                "base64: a line break within the body",
                Defect::Base64,
                format!("{}\r\n{}", &good[..76], &good[76..]),
            ),
            (
                "base64: a space within the footer",
                Defect::Base64,
                format!("{body}.{} {}", &footer[..4], &footer[4..]),
            ),
            ("base64: a comma within the body", Defect::Base64, format!("{},{}", &good[..40], &good[40..])),
            ("base64: a NUL behind the token", Defect::Base64, format!("{good}\0")),
        ],
    )
}

/// Texts that no reading makes the same bytes of.
fn strays() -> Vec<Case> {
    let good = good();
    bad(
        Layer::Paseto,
        [
            ("stray: a character less in the body", Defect::Base64, [&good[..40], &good[41..]].concat()),
            (
                "stray: a character more in the body",
                Defect::Signature,
                format!("{}A{}", &good[..40], &good[40..]),
            ),
            ("stray: a wide letter for the first", Defect::Header, good.replacen('v', "\u{ff56}", 1)),
            (
                "stray: a wide letter in the body",
                Defect::Base64,
                format!("{}\u{ff21}{}", &good[..40], &good[41..]),
            ),
            ("stray: dots of percents", Defect::Shape, good.replace('.', "%2E")),
            ("stray: dots of another script", Defect::Shape, good.replace('.', "\u{3002}")),
            ("stray: a space before the token", Defect::Header, format!(" {good}")),
            ("stray: a byte order mark before the token", Defect::Header, format!("\u{feff}{good}")),
            ("stray: the scheme before the token", Defect::Header, format!("Bearer {good}")),
            ("stray: quotes around the token", Defect::Base64, format!("\"{good}\"")),
        ],
    )
}

fn headers() -> Vec<Case> {
    let good = good();
    let mut cases: Vec<Case> = [
        "v1.public.",
        "v2.public.",
        "v3.public.",
        "v5.public.",
        "v1.local.",
        "v2.local.",
        "v3.local.",
        "v4.local.",
        "v4.secret.",
        "k4.public.",
        "V4.public.",
        "v4.Public.",
        "v4.PUBLIC.",
        "v04.public.",
        "4.public.",
        "v4.pub.",
        ".public.",
        "v4..",
    ]
    .iter()
    .map(|header| {
        let token = good.replacen("v4.public.", header, 1);
        Case::bad(Layer::Paseto, Defect::Header, format!("header: {header}"), token)
    })
    .collect();
    cases.push(Case::bad(
        Layer::Paseto,
        Defect::Header,
        "header: v2.public., rightly signed as such",
        version_2(),
    ));
    cases
}

/// A token as version 2 has them, Ed25519 too, by the active key: three strings are signed, under another header.
fn version_2() -> String {
    let parts = good_parts();
    let pieces: [&[u8]; 3] = [b"v2.public.", parts.payload(), parts.footer()];
    let signature = signer(ACTIVE).sign(&super::signatures::pae(&pieces)).to_bytes();
    paseto::assemble(parts.payload(), &signature, parts.footer()).replacen("v4.", "v2.", 1)
}

fn sizes() -> Vec<Case> {
    let long = |length| with_text("name", &"n".repeat(length));
    bad(
        Layer::Countersign,
        [
            ("size: a byte too much", Defect::TooLarge, long(1_051)),
            ("size: 8 KiB", Defect::TooLarge, long(5_700)),
        ],
    )
    .into_iter()
    .chain([Case::bad(Layer::Paseto, Defect::TooLarge, "size: 4 KiB of A", "A".repeat(4_096))])
    .collect()
}

/// What is no PASETO at all.
fn others() -> Vec<Case> {
    let payload = URL_SAFE_NO_PAD.encode(Payload::whole().json());
    let unsigned = format!("{}.{payload}.", URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#));
    let header = URL_SAFE_NO_PAD.encode(format!(r#"{{"alg":"EdDSA","kid":"{}"}}"#, id(ACTIVE)));
    let signature = signer(ACTIVE).sign(format!("{header}.{payload}").as_bytes()).to_bytes();
    let jwt = format!("{header}.{payload}.{}", URL_SAFE_NO_PAD.encode(signature));
    let encoded = URL_SAFE_NO_PAD.encode(token(Payload::whole().json()));
    bad(
        Layer::Paseto,
        [
            ("other: a refresh token", Defect::Shape, format!("csr_{}", "Qx7-".repeat(24))),
            ("other: a reset code", Defect::Shape, format!("csp_{}", "c0De".repeat(21))),
            ("other: a password", Defect::Shape, "correct horse battery staple".into()),
            ("other: the key that verifies", Defect::Header, public(ACTIVE).to_paserk()),
            ("other: the key's id", Defect::Header, id(ACTIVE)),
            ("other: the claims in JSON", Defect::Shape, Payload::whole().json()),
            ("other: a JWT without signature", Defect::Header, unsigned),
            ("other: a JWT by the active key", Defect::Header, jwt),
            ("other: a token in base64url", Defect::Shape, encoded),
        ],
    )
}
