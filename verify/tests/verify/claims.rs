//! The JSON of claims: exact on the way out, strict on the way in.

use countersign_verify::{Claims, ClaimsError};

use super::kit::claims;

const ID: &str = r#""0193b4a0-5f6e-7c3a-8d5e-1f2a3b4c5d6e""#;
const TIME: &str = r#""2026-11-23T21:08:19Z""#;

/// Each claim, a good value, and the kind of value that it is.
const CLAIMS: [(&str, &str, Kind); 13] = [
    ("iss", r#""countersign""#, Kind::Filled),
    ("aud", r#""orders""#, Kind::Filled),
    ("sub", ID, Kind::Id),
    ("iat", TIME, Kind::Time),
    ("nbf", TIME, Kind::Time),
    ("exp", TIME, Kind::Time),
    ("jti", ID, Kind::Id),
    ("sid", ID, Kind::Id),
    ("ep", "3", Kind::Number),
    ("auth_time", TIME, Kind::Time),
    ("name", r#""Alice""#, Kind::Text),
    ("roles", r#"["admin"]"#, Kind::List),
    ("amr", "[]", Kind::List),
];

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Filled,
    Text,
    Id,
    Time,
    Number,
    List,
}

impl Kind {
    /// Values that a careless reader might take.
    fn refused(self) -> Vec<String> {
        let mut values: Vec<String> =
            ["null", "true", "false", "-1", "1.0", "1e2", "{}", "[null]", "[1]", "[[]]"]
                .map(Into::into)
                .into();
        if self != Kind::Number {
            values.extend(["0", "1795468099"].map(Into::into));
        }
        if self != Kind::List {
            values.extend(["[]", r#"["orders"]"#].map(Into::into));
        }
        if self != Kind::Text {
            values.push(r#""""#.into());
        }
        if self != Kind::Text && self != Kind::Filled {
            values.push(r#""3""#.into());
        }
        match self {
            Kind::Number => values.extend(["9223372036854775808", "-0", "1e400", "03"].map(Into::into)),
            Kind::Id => values.extend([
                ID.to_uppercase(),
                ID.replace('-', ""),
                format!(r#""{{{}}}""#, ID.trim_matches('"')),
                format!(r#""urn:uuid:{}""#, ID.trim_matches('"')),
            ]),
            Kind::Time => values.extend([TIME.replace('Z', ""), TIME.replace('T', " ")]),
            Kind::Filled | Kind::Text | Kind::List => {}
        }
        values
    }
}

fn entries() -> Vec<(String, String)> {
    CLAIMS.iter().map(|(name, value, _)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn parse(entries: &[(String, String)]) -> Result<Claims, ClaimsError> {
    let members: Vec<String> = entries.iter().map(|(name, value)| format!(r#""{name}":{value}"#)).collect();
    Claims::parse(format!("{{{}}}", members.join(",")).as_bytes())
}

/// The complete set with one more member, at the beginning and at the end.
fn with(name: &str, value: &str) -> [Result<Claims, ClaimsError>; 2] {
    let member = (name.to_owned(), value.to_owned());
    let mut first = vec![member.clone()];
    first.extend(entries());
    let mut last = entries();
    last.push(member);
    [parse(&first), parse(&last)]
}

#[test]
fn the_json_is_exact() {
    let json = r#"{"iss":"countersign","aud":"orders","sub":"0193b4a0-5f6e-7c3a-8d5e-1f2a3b4c5d6e",
        "iat":"2026-11-23T21:08:19Z","nbf":"2026-11-23T21:08:19Z","exp":"2026-11-23T21:18:19Z",
        "jti":"0193b4a0-5f6e-7c3a-8d5e-1f2a3b4c0001","sid":"0193b4a0-5f6e-7c3a-8d5e-1f2a3b4c0002","ep":3,
        "auth_time":"2026-11-23T21:08:14Z","name":"Alice","roles":["admin","service"],"amr":["pwd"]}"#;
    let json: String = json.split_whitespace().collect();
    assert_eq!(String::from_utf8(claims().to_json()).unwrap(), json);
    assert_eq!(Claims::parse(json.as_bytes()), Ok(claims()));
}

#[test]
fn any_name_survives() {
    for name in ["", "\"},\"exp\":\"x", "a\nb\u{0}", "名前 \u{1f600}", "\\u0065"] {
        let claims = Claims { name: name.into(), ..claims() };
        assert_eq!(Claims::parse(&claims.to_json()), Ok(claims));
    }
}

#[test]
fn order_and_space_do_not_matter() {
    let mut reversed = entries();
    reversed.reverse();
    assert_eq!(parse(&reversed), parse(&entries()));
    assert!(parse(&entries()).is_ok());
    let spaced = String::from_utf8(claims().to_json()).unwrap().replace(',', " ,\n\t");
    assert_eq!(Claims::parse(format!(" {spaced} ").as_bytes()), Ok(claims()));
}

#[test]
fn every_claim_must_be_there() {
    for (index, (name, ..)) in CLAIMS.iter().enumerate() {
        let mut entries = entries();
        entries.remove(index);
        assert_eq!(parse(&entries), Err(ClaimsError), "{name}");
    }
}

#[test]
fn every_claim_has_its_type() {
    let mut refused = 0;
    for (index, (name, _, kind)) in CLAIMS.iter().enumerate() {
        for value in kind.refused() {
            let mut entries = entries();
            value.clone_into(&mut entries[index].1);
            assert_eq!(parse(&entries), Err(ClaimsError), "{name} = {value}");
            refused += 1;
        }
    }
    assert!(refused > 13 * 14);
}

#[test]
fn no_claim_appears_twice_however_it_is_spelled() {
    for (name, value, _) in CLAIMS {
        let (initial, rest) = name.split_at(1);
        let code = u32::from(initial.chars().next().unwrap());
        for spelling in [name.to_owned(), format!("\\u{code:04x}{rest}"), format!("\\u{code:04X}{rest}")] {
            for value in [value, "null", r#""2099-01-01T00:00:00Z""#] {
                assert_eq!(with(&spelling, value), [const { Err(ClaimsError) }; 2], "{spelling}: {value}");
            }
        }
    }
}

#[test]
fn an_escaped_name_is_the_name() {
    let mut entries = entries();
    "\\u0065xp".clone_into(&mut entries[5].0);
    assert!(parse(&entries).is_ok());
    r#""2026-11-23T21:08:19\u005a""#.clone_into(&mut entries[5].1);
    assert!(parse(&entries).is_ok());
}

#[test]
fn unknown_claims_are_skipped_but_not_twice() {
    for value in ["null", "1", r#"{"a":[1,{"b":null}]}"#, r#""x""#] {
        assert_eq!(with("tenant", value), [parse(&entries()), parse(&entries())]);
        let mut twice = entries();
        twice.push(("tenant".into(), value.into()));
        twice.push(("t\\u0065nant".into(), value.into()));
        assert_eq!(parse(&twice), Err(ClaimsError));
    }
    assert_eq!(with("tenant", r#"{"a":1,"a":2}"#), [const { Err(ClaimsError) }; 2]);
    // Names are compared as they are: another case is another name, and unknown.
    assert_eq!(with("EXP", "1"), [parse(&entries()), parse(&entries())]);
}

#[test]
fn what_is_not_one_object_is_refused() {
    let good = String::from_utf8(claims().to_json()).unwrap();
    assert!(Claims::parse(good.as_bytes()).is_ok());
    for payload in [
        String::new(),
        "null".into(),
        "{}".into(),
        format!("[{good}]"),
        format!("{good}{good}"),
        format!("{good}x"),
        format!("{good}\0"),
        format!("\u{feff}{good}"),
        good.replace('}', ",}"),
        good[..good.len() - 1].into(),
        format!("{}{}{}", good.replace('}', ",\"x\":"), "[".repeat(500), "]".repeat(500)),
    ] {
        assert_eq!(Claims::parse(payload.as_bytes()), Err(ClaimsError), "{payload}");
    }
    let mut not_utf8 = good.into_bytes();
    let name = not_utf8.windows(5).position(|window| window == b"Alice").unwrap();
    not_utf8[name] = 0xff;
    assert_eq!(Claims::parse(&not_utf8), Err(ClaimsError));
}

#[test]
fn times_are_read_with_offset_and_fraction() {
    let mut entries = entries();
    r#""2026-11-23T22:08:19.999+01:00""#.clone_into(&mut entries[5].1);
    assert_eq!(parse(&entries).unwrap().expires_at, claims().issued_at);
}
