//! What has been revoked, the tokens that it hits, and those next to them that it does not.

use countersign_verify::Defect;
use serde_json::{Value, json};

use super::case::{Case, Layer, Verdict};
use super::maker::{Payload, RETIRED, REVOKED, footer, id, sign};

/// All tokens of this user of an epoch below 3 are revoked.
const USER: &str = "0193b4a0-5f6e-7c3a-8d5e-1f2a3b4c000a";
/// This session is revoked. It is of another user.
const SESSION: &str = "0193b4a0-5f6e-7c3a-8d5e-1f2a3b4c000b";
const ITS_USER: &str = "0193b4a0-5f6e-7c3a-8d5e-1f2a3b4c000c";

pub(crate) fn revocations() -> [Value; 3] {
    [
        json!({"user_id": USER, "below_epoch": 3}),
        json!({"session_id": SESSION, "user_id": ITS_USER}),
        json!({"key_id": id(REVOKED)}),
    ]
}

pub(crate) fn cases() -> Vec<Case> {
    [hit(), neighbours(), hit_and_more()].into_iter().flatten().collect()
}

fn of(user: &str, session: &str, epoch: &str) -> Payload {
    let quoted = |text| format!("\"{text}\"");
    Payload::whole().with("sub", &quoted(user)).with("sid", &quoted(session)).with("ep", epoch)
}

/// An id that nothing has been said of.
fn other(last: &str) -> String {
    format!("0193b4a0-5f6e-7c3a-8d5e-1f2a3b4c00{last}")
}

fn hit() -> Vec<Case> {
    [
        ("a user's token of the epoch before", of(USER, &other("01"), "2").token()),
        ("a user's token of the first epoch", of(USER, &other("01"), "0").token()),
        (
            "a user's token by the retired key",
            sign(RETIRED, of(USER, &other("01"), "2").json(), footer(RETIRED)),
        ),
        ("a session's token", of(ITS_USER, SESSION, "3").token()),
        ("a session's token of a high epoch", of(ITS_USER, SESSION, "9223372036854775807").token()),
        ("a session's token that says another user", of(&other("0d"), SESSION, "3").token()),
        ("a user's and a session's token", of(USER, SESSION, "1").token()),
        ("a key's token", sign(REVOKED, Payload::whole().json(), footer(REVOKED))),
        (
            "a key's token of a high epoch",
            sign(REVOKED, Payload::whole().with("ep", "99").json(), footer(REVOKED)),
        ),
    ]
    .map(|(what, token)| Case::new(Layer::Trust, Verdict::Revoked, format!("revoked: {what}"), token))
    .into()
}

fn neighbours() -> Vec<Case> {
    let as_token_id = Payload::whole().with("jti", &format!("\"{SESSION}\"")).token();
    [
        ("the user's token of the lowest good epoch", of(USER, &other("01"), "3").token()),
        ("the user's token of a later epoch", of(USER, &other("01"), "4").token()),
        ("another user's token of the epoch before", of(&other("0e"), &other("01"), "2").token()),
        ("another session's token of the same user", of(ITS_USER, &other("0f"), "0").token()),
        ("a session with the user's id", of(&other("0e"), USER, "0").token()),
        ("a user with the session's id", of(SESSION, &other("01"), "0").token()),
        ("a token with the session's id", as_token_id),
    ]
    .map(|(what, token)| Case::good(Layer::Trust, format!("good: not revoked, {what}"), token))
    .into()
}

/// Revocation is asked last: it is told only of tokens that would be good.
fn hit_and_more() -> Vec<Case> {
    let over = || of(USER, SESSION, "0").with("exp", r#""2026-11-23T21:09:18Z""#);
    let elsewhere = of(USER, SESSION, "0").with("aud", r#""billing""#);
    vec![
        Case::new(Layer::Claims, Verdict::Expired, "expired: and revoked", over().token()),
        Case::bad(
            Layer::Claims,
            Defect::Audience,
            "place: for another audience, and revoked",
            elsewhere.token(),
        ),
    ]
}
