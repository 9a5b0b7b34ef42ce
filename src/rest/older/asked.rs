//! What clients of the older surface send: JSON, a form or a query, read as leniently as the old application did.

use http::HeaderValue;
use prost_types::Duration;
use serde_json::Value;

use crate::pb::auth::v1::{CreateUserRequest, IssueTokenRequest};
use crate::rest::problem::Problem;
use crate::rest::{message, query};
use crate::transport::media_type;

/// What the old application said to who left something out.
const MISSING: Problem = Problem::Body("missing argument");
/// A year: longer wishes are shortened by the service anyway, and this one it can write.
const LONGEST_WISH: i64 = 365 * 86_400;

/// The new user's name and password. What the body does not have may be in the query.
pub(super) fn new_user(
    content_type: Option<&HeaderValue>,
    query: &str,
    body: &[u8],
) -> Result<CreateUserRequest, Problem> {
    let mut given = fields_of_body(content_type, body)?;
    given.extend(query::read(query)?.into_iter().map(|(name, value)| (name, Value::String(value))));
    let mut take = |wanted: &'static str| {
        let found = given.iter_mut().find(|(name, value)| name == wanted && !value.is_null());
        match found.map(|(_, value)| value.take()) {
            Some(Value::String(text)) => Ok(text),
            Some(_) => Err(Problem::Field(wanted.into(), "must be a string")),
            None => Err(MISSING),
        }
    };
    Ok(CreateUserRequest { username: take("username")?, password: take("password")? })
}

/// How long the token shall live.
pub(super) fn token(query: &str) -> Result<IssueTokenRequest, Problem> {
    let wish = query::read(query)?.into_iter().find(|(name, _)| name == "expire");
    let lifetime = wish.map(|(_, text)| seconds(&text)).transpose()?;
    let lifetime = lifetime.map(|seconds| Duration { seconds, nanos: 0 });
    Ok(IssueTokenRequest { lifetime, ..IssueTokenRequest::default() })
}

fn seconds(text: &str) -> Result<i64, Problem> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(Problem::Field("expire".into(), "must be a whole number of seconds"));
    }
    if digits.len() < text.len() || digits.bytes().all(|b| b == b'0') {
        return Err(Problem::Field("expire".into(), "must be more than zero"));
    }
    // What does not fit is long enough.
    Ok(digits.parse().unwrap_or(LONGEST_WISH).min(LONGEST_WISH))
}

fn fields_of_body(content_type: Option<&HeaderValue>, body: &[u8]) -> Result<Vec<(String, Value)>, Problem> {
    let says = |wanted| media_type(content_type).eq_ignore_ascii_case(wanted);
    if body.is_empty() {
        Ok(Vec::new())
    } else if says("application/json") {
        message::read_object(body)
    } else if says("application/x-www-form-urlencoded") {
        let text = str::from_utf8(body).map_err(|_| Problem::Body("the form must be UTF-8"))?;
        Ok(query::read(text)?.into_iter().map(|(name, value)| (name, Value::String(value))).collect())
    } else {
        Err(Problem::MediaType(
            "the body must be application/json or application/x-www-form-urlencoded, and the header content-type say which",
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const JSON: HeaderValue = HeaderValue::from_static("application/json");
    const FORM: HeaderValue = HeaderValue::from_static("application/x-www-form-urlencoded");

    fn read(
        content_type: Option<&HeaderValue>,
        query: &str,
        body: &str,
    ) -> Result<(String, String), Problem> {
        new_user(content_type, query, body.as_bytes())
            .map(|user| (user.username.clone(), user.password.clone()))
    }

    #[test]
    fn a_name_and_a_password_come_in_three_ways() {
        let expected = Ok(("a b".to_owned(), "p+q".to_owned()));
        assert_eq!(read(Some(&JSON), "", r#"{"username":"a b","password":"p+q","more":[1]}"#), expected);
        assert_eq!(read(Some(&FORM), "", "username=a+b&password=p%2Bq"), expected);
        assert_eq!(read(None, "username=a%20b&password=p%2Bq", ""), expected);
        assert_eq!(read(Some(&FORM), "password=p%2Bq", "username=a+b"), expected);
        for (kind, query, body) in [
            (None, "", ""),
            (Some(&JSON), "", r#"{"username":"a"}"#),
            (Some(&JSON), "", r#"{"username":"a","password":null}"#),
            (Some(&FORM), "username=a", "x=y"),
        ] {
            assert_eq!(read(kind, query, body), Err(MISSING), "{query} {body}");
        }
        assert!(matches!(read(Some(&JSON), "", r#"{"username":7,"password":"p"}"#), Err(Problem::Field(..))));
        assert!(matches!(read(None, "", "username=a&password=b"), Err(Problem::MediaType(_))));
    }

    #[test]
    fn a_lifetime_is_a_number_of_seconds() {
        assert_eq!(seconds("60"), Ok(60));
        assert_eq!(seconds("99999999999999999999999"), Ok(LONGEST_WISH));
        for text in ["0", "-1", "000", "-0", "", "-", "+1", "1.5", "1s", "soon"] {
            assert!(seconds(text).is_err(), "{text}");
        }
    }
}
