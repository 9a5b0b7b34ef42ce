//! Tokens that every verifier must accept.

use super::case::{Case, Layer};
use super::maker::{Payload, RETIRED, footer, good, sign, token, with, with_text};

pub(crate) fn cases() -> Vec<Case> {
    [plain(), names(), lists(), spans(), unknown_claims(), spellings()].into_iter().flatten().collect()
}

fn good_ones(cases: impl IntoIterator<Item = (&'static str, String)>) -> Vec<Case> {
    cases.into_iter().map(|(name, token)| Case::good(Layer::Paseto, name, token)).collect()
}

fn plain() -> Vec<Case> {
    good_ones([
        ("good: as the service makes it", good()),
        ("good: by the retired key", sign(RETIRED, Payload::whole().json(), footer(RETIRED))),
        ("good: a body that ends without spare bits", with_text("name", "A")),
        ("good: a body that ends with two spare bits", with_text("name", "Al")),
        ("good: a body that ends with four spare bits", with_text("name", "Ali")),
        ("good: 2048 bytes, the most that there may be", with_text("name", &"n".repeat(1_050))),
    ])
}

fn names() -> Vec<Case> {
    let names = [
        ("beyond ASCII", "Żółw龟"),
        ("with emoji of several code points", "👩‍👩‍👧‍👦🏳️‍🌈"),
        ("from right to left", "مُحَمَّد"),
        ("with quotes and a backslash", r#"Robert "\" '); --"#),
        ("with a combining accent, not normalized", "Ame\u{301}lie"),
        ("that would close the object", r#"","exp":"2000-01-01T00:00:00Z"#),
        ("with control characters", "a\nb\u{0}\u{1b}[31m"),
        ("that is a path", "../../etc/passwd"),
        ("that is empty", ""),
        (
            "of 64 code points of four bytes",
            "𝔄𝔅𝔇𝔈𝔉𝔊𝔍𝔎𝔏𝔐𝔑𝔒𝔓𝔔𝔖𝔗𝔘𝔙𝔚𝔛𝔜𝔞𝔟𝔠𝔡𝔢𝔣𝔤𝔥𝔦𝔧𝔨𝔄𝔅𝔇𝔈𝔉𝔊𝔍𝔎𝔏𝔐𝔑𝔒𝔓𝔔𝔖𝔗𝔘𝔙𝔚𝔛𝔜𝔞𝔟𝔠𝔡𝔢𝔣𝔤𝔥𝔦𝔧𝔨",
        ),
    ];
    names
        .map(|(what, text)| {
            Case::good(Layer::Paseto, format!("good: a name {what}"), with_text("name", text))
        })
        .into()
}

fn lists() -> Vec<Case> {
    let roles: Vec<String> =
        (10..26).map(|number| format!("\"role-of-thirty-two-characters-{number}\"")).collect();
    good_ones([
        ("good: no roles", with("roles", "[]")),
        ("good: sixteen roles of 32 characters", with("roles", &format!("[{}]", roles.join(",")))),
        ("good: roles with every character that they may have", with("roles", r#"["a-z.0_9","x.reader"]"#)),
        ("good: a password and a refresh", with("amr", r#"["pwd","rt"]"#)),
        ("good: no method of authentication", with("amr", "[]")),
    ])
}

fn spans() -> Vec<Case> {
    good_ones([
        ("good: for an hour", with_text("exp", "2026-11-23T22:08:19Z")),
        ("good: until the end of the year 9999", with_text("exp", "9999-12-30T22:00:00Z")),
        ("good: for one more second", with_text("exp", "2026-11-23T21:09:20Z")),
        ("good: issued this very second", with_text("iat", "2026-11-23T21:09:19Z")),
        ("good: good since this very second", with_text("nbf", "2026-11-23T21:09:19Z")),
        (
            "good: issued long ago, after its nbf",
            Payload::whole()
                .with("iat", r#""2020-02-29T12:00:00Z""#)
                .with("nbf", r#""2019-12-31T23:59:59Z""#)
                .token(),
        ),
        ("good: a password given days ago", with_text("auth_time", "2026-11-01T00:00:00Z")),
        ("good: the first epoch", with("ep", "0")),
        ("good: an epoch beyond what a double holds", with("ep", "9007199254740993")),
        ("good: the highest epoch", with("ep", "9223372036854775807")),
    ])
}

fn unknown_claims() -> Vec<Case> {
    let claims = [
        ("text", "tenant", r#""acme""#),
        ("null", "tenant", "null"),
        ("an object", "tenant", r#"{"id":1,"exp":"2000-01-01T00:00:00Z"}"#),
        ("a list", "tenant", r#"[1,-2.5e3,true,[{}]]"#),
        ("twenty lists in one another", "tenant", "[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]"),
        ("a large number", "tenant", "18446744073709551615"),
        ("an object that is called __proto__", "__proto__", r#"{"exp":"2000-01-01T00:00:00Z","admin":true}"#),
        ("another spelling of a known one", "EXP", r#""2000-01-01T00:00:00Z""#),
        ("an empty name", "", "1"),
    ];
    claims
        .map(|(what, name, value)| {
            let token = Payload::whole().and(name, value).token();
            Case::good(Layer::Paseto, format!("good: an unknown claim, {what}"), token)
        })
        .into()
}

fn spellings() -> Vec<Case> {
    let json = Payload::whole().json();
    good_ones([
        ("good: claims in another order", Payload::whole().reversed().token()),
        ("good: spaces and lines between claims", token(format!(" {} \n", json.replace(',', " ,\r\n\t")))),
        ("good: a claim's name with an escape", token(json.replace("\"exp\"", r#""\u0065xp""#))),
        ("good: a claim's text with an escape", token(json.replace("orders", r"\u006frders"))),
        ("good: a name with escaped surrogates", with("name", r#""\ud83d\ude00""#)),
    ])
}
