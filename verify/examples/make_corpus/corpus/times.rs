//! When a token is good, and texts that are or are not moments. All of these are rightly signed.

use countersign_verify::Defect;

use super::case::{Case, Layer, Verdict};
use super::maker::{Payload, with_text};

pub(crate) fn cases() -> Vec<Case> {
    [ends(), beginnings(), orders(), forms(), no_moments()].into_iter().flatten().collect()
}

fn ends() -> Vec<Case> {
    [
        (Layer::Claims, "a second ago", "2026-11-23T21:09:18Z"),
        (Layer::Claims, "now", "2026-11-23T21:09:19Z"),
        (Layer::Claims, "a day ago", "2026-11-22T21:09:19Z"),
        (Layer::Claims, "in 1970", "1970-01-01T00:00:00Z"),
        (Layer::Claims, "before 1970", "1969-12-31T23:59:59Z"),
        (Layer::Countersign, "in the year 0", "0000-01-01T00:00:00Z"),
        (Layer::Claims, "a minute ago, later by the clock of its offset", "2026-11-23T23:08:19+02:00"),
        (Layer::Countersign, "within this second", "2026-11-23T21:09:19.999Z"),
    ]
    .map(|(layer, when, text)| {
        Case::new(layer, Verdict::Expired, format!("expired: {when}"), with_text("exp", text))
    })
    .into()
}

/// Up to 5 s of difference between two clocks is forgiven at the beginning of a token, none at its end.
fn beginnings() -> Vec<Case> {
    let mut cases = Vec::new();
    for claim in ["iat", "nbf"] {
        for (layer, when, text) in [
            (Layer::Claims, "6 s ahead", "2026-11-23T21:09:25Z"),
            (Layer::Claims, "5 s ahead, and an hour by the clock of its offset", "2026-11-23T20:09:25-01:00"),
            (Layer::Claims, "a day ahead", "2026-11-24T21:09:19Z"),
            (Layer::Countersign, "in the year 9999", "9999-12-30T22:00:00Z"),
        ] {
            let name = format!("not yet: {claim} {when}").replace("5 s ahead, and", "6 s ahead, and");
            cases.push(Case::bad(layer, Defect::NotYetValid, name, with_text(claim, text)));
        }
        for (when, text) in [("5 s ahead", "2026-11-23T21:09:24Z"), ("1 s ahead", "2026-11-23T21:09:20Z")] {
            cases.push(Case::good(
                Layer::Countersign,
                format!("good: {claim} {when}"),
                with_text(claim, text),
            ));
        }
    }
    cases
}

/// Which of several faults counts.
fn orders() -> Vec<Case> {
    let over = || Payload::whole().with("exp", r#""2026-11-23T21:09:18Z""#);
    let bad = |defect, name: &str, payload: Payload| Case::bad(Layer::Claims, defect, name, payload.token());
    vec![
        bad(
            Defect::NotYetValid,
            "not yet: and over before that",
            over().with("nbf", r#""2026-11-23T21:19:19Z""#),
        ),
        bad(Defect::Audience, "place: for another audience, and expired", over().with("aud", r#""billing""#)),
        bad(Defect::Issuer, "place: of another issuer, and expired", over().with("iss", r#""elsewhere""#)),
    ]
}

/// Other spellings of moments, all of RFC 3339. The service writes none of them.
fn forms() -> Vec<Case> {
    [
        (Layer::Claims, "with an offset", "2026-11-23T22:18:19+01:00"),
        (Layer::Claims, "earlier by the clock of its offset", "2026-11-23T13:48:19-07:30"),
        (Layer::Claims, "with a fraction", "2026-11-23T21:18:19.5Z"),
        (Layer::Countersign, "with nine digits of a fraction", "2026-11-23T21:18:19.123456789Z"),
        (Layer::Countersign, "in small letters", "2026-11-23t21:18:19z"),
        (Layer::Countersign, "in a leap second", "2026-12-31T23:59:60Z"),
    ]
    .map(|(layer, how, text)| Case::good(layer, format!("good: an expiry {how}"), with_text("exp", text)))
    .into()
}

/// None of these is a moment of RFC 3339, though many a library reads one out of them.
fn no_moments() -> Vec<Case> {
    [
        (Layer::Claims, "empty", ""),
        (Layer::Claims, "a word", "tomorrow"),
        (Layer::Claims, "never", "never"),
        (Layer::Claims, "hour 25", "2026-11-23T25:18:19Z"),
        (Layer::Claims, "month 13", "2026-13-23T21:18:19Z"),
        (Layer::Countersign, "a number in a text", "1795468699"),
        (Layer::Countersign, "no zone", "2026-11-23T21:18:19"),
        (Layer::Countersign, "no time", "2026-11-24"),
        (Layer::Countersign, "no seconds", "2026-11-23T21:18Z"),
        (Layer::Countersign, "a space for the T", "2026-11-23 21:18:19Z"),
        (Layer::Countersign, "a space before it", " 2026-11-23T21:18:19Z"),
        (Layer::Countersign, "a line break behind it", "2026-11-23T21:18:19Z\n"),
        (Layer::Countersign, "no hyphens", "20261123T211819Z"),
        (Layer::Countersign, "an offset without minutes", "2026-11-23T21:18:19+00"),
        (Layer::Countersign, "an offset without colon", "2026-11-23T21:18:19+0000"),
        (Layer::Countersign, "a zone's name", "2026-11-23T21:18:19+01:00[Europe/Paris]"),
        (Layer::Countersign, "a comma in the fraction", "2026-11-23T21:18:19,5Z"),
        (Layer::Countersign, "ten digits of a fraction", "2026-11-23T21:18:19.1234567890Z"),
        (Layer::Countersign, "a fraction without digits", "2026-11-23T21:18:19.Z"),
        (Layer::Countersign, "a year of six digits", "+002026-11-23T21:18:19Z"),
        (Layer::Countersign, "hour 24", "2026-11-23T24:00:00Z"),
        (Layer::Countersign, "a leap day in no leap year", "2027-02-29T21:18:19Z"),
        (Layer::Countersign, "the second 61", "2026-12-31T23:59:61Z"),
        (Layer::Countersign, "as in mails", "Mon, 23 Nov 2026 21:18:19 GMT"),
        (Layer::Countersign, "wide digits", "２０２６-11-23T21:18:19Z"),
    ]
    .map(|(layer, what, text)| {
        Case::bad(layer, Defect::Claims, format!("no moment: {what}"), with_text("exp", text))
    })
    .into()
}
