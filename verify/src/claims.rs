//! What a token says, and its JSON. Owns which claims there must be and how each is written; whether they are good at
//! a moment, for an audience, is the verifier's decision.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};
use serde::{Serialize, Serializer};
use uuid::Uuid;

use super::json::{Names, Skipped, Text};
use super::rfc3339;

/// The claims of an access token. Times are seconds since the Unix epoch; in JSON they are RFC 3339 texts in UTC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Claims {
    /// `iss`: the service that issued the token.
    #[serde(rename = "iss")]
    pub issuer: String,
    /// `aud`: the one service that the token is for.
    #[serde(rename = "aud")]
    pub audience: String,
    /// `sub`: the user's id.
    #[serde(rename = "sub", serialize_with = "write_uuid")]
    pub subject: Uuid,
    /// `iat`: when the token was issued.
    #[serde(rename = "iat", serialize_with = "write_time")]
    pub issued_at: i64,
    /// `nbf`: when the token starts to be good.
    #[serde(rename = "nbf", serialize_with = "write_time")]
    pub not_before: i64,
    /// `exp`: the first moment at which the token is good no more.
    #[serde(rename = "exp", serialize_with = "write_time")]
    pub expires_at: i64,
    /// `jti`: the token's own id, for logs.
    #[serde(rename = "jti", serialize_with = "write_uuid")]
    pub token_id: Uuid,
    /// `sid`: the session that the token belongs to.
    #[serde(rename = "sid", serialize_with = "write_uuid")]
    pub session_id: Uuid,
    /// `ep`: the user's token epoch at issue, 0 or more; the token dies when the user's is higher.
    #[serde(rename = "ep")]
    pub epoch: i64,
    /// `auth_time`: the last password or refresh in the session.
    #[serde(serialize_with = "write_time")]
    pub auth_time: i64,
    /// `name`: the user's name as it is shown.
    pub name: String,
    /// `roles`: the user's roles at issue.
    pub roles: Vec<String>,
    /// `amr`: how the user proved who it is (RFC 8176).
    pub amr: Vec<String>,
}

/// A payload is not the claims of an access token. Says no more: the payload is not ours if it is not.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
#[error("the payload is not a complete set of claims")]
pub struct ClaimsError;

impl Claims {
    /// Reads the payload of a token whose signature has been verified. Every claim must be there once, with its own
    /// type; `iss` and `aud` are not empty; claims that this version does not know are skipped.
    pub fn parse(payload: &[u8]) -> Result<Self, ClaimsError> {
        let text = std::str::from_utf8(payload).map_err(|_| ClaimsError)?;
        let draft: Draft = serde_json::from_str(text).map_err(|_| ClaimsError)?;
        draft.finish().ok_or(ClaimsError)
    }

    /// The payload of a token with these claims. A time outside the years 0 to 9999 is written as the nearest inside.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        // Written to memory, and made of texts, integers and lists of texts: neither side of serde_json can fail.
        serde_json::to_vec(self).expect("claims are always valid JSON")
    }

    /// Whether the token is over. For tokens that were verified before and are kept: nothing else about a token
    /// changes with time alone. There is no leeway; a token is over at `exp` itself.
    #[must_use]
    pub const fn is_expired(&self, now_millis: i64) -> bool {
        now_millis >= self.expires_at.saturating_mul(1000)
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a field by reference")]
fn write_time<S: Serializer>(second: &i64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&rfc3339::write(*second))
}

fn write_uuid<S: Serializer>(uuid: &Uuid, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&uuid.hyphenated())
}

/// Claims on their way in: each is there at most once.
#[derive(Default)]
struct Draft {
    issuer: Option<String>,
    audience: Option<String>,
    subject: Option<Uuid>,
    issued_at: Option<i64>,
    not_before: Option<i64>,
    expires_at: Option<i64>,
    token_id: Option<Uuid>,
    session_id: Option<Uuid>,
    epoch: Option<i64>,
    auth_time: Option<i64>,
    name: Option<String>,
    roles: Option<Vec<String>>,
    amr: Option<Vec<String>>,
}

impl Draft {
    fn finish(self) -> Option<Claims> {
        Some(Claims {
            issuer: self.issuer?,
            audience: self.audience?,
            subject: self.subject?,
            issued_at: self.issued_at?,
            not_before: self.not_before?,
            expires_at: self.expires_at?,
            token_id: self.token_id?,
            session_id: self.session_id?,
            epoch: self.epoch?,
            auth_time: self.auth_time?,
            name: self.name?,
            roles: self.roles?,
            amr: self.amr?,
        })
    }
}

impl<'de> Deserialize<'de> for Draft {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(DraftVisitor)
    }
}

struct DraftVisitor;

impl<'de> Visitor<'de> for DraftVisitor {
    type Value = Draft;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of claims")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Draft, A::Error> {
        let mut draft = Draft::default();
        let mut unknown = Names::default();
        while let Some(name) = map.next_key::<Text<'de>>()? {
            match name.0.as_ref() {
                "iss" => put(&mut draft.issuer, &mut map, non_empty)?,
                "aud" => put(&mut draft.audience, &mut map, non_empty)?,
                "sub" => put(&mut draft.subject, &mut map, uuid)?,
                "iat" => put(&mut draft.issued_at, &mut map, time)?,
                "nbf" => put(&mut draft.not_before, &mut map, time)?,
                "exp" => put(&mut draft.expires_at, &mut map, time)?,
                "jti" => put(&mut draft.token_id, &mut map, uuid)?,
                "sid" => put(&mut draft.session_id, &mut map, uuid)?,
                "ep" => put(&mut draft.epoch, &mut map, not_negative)?,
                "auth_time" => put(&mut draft.auth_time, &mut map, time)?,
                "name" => put(&mut draft.name, &mut map, Some)?,
                "roles" => put(&mut draft.roles, &mut map, Some)?,
                "amr" => put(&mut draft.amr, &mut map, Some)?,
                _ => {
                    unknown.insert(name)?;
                    map.next_value::<Skipped>()?;
                }
            }
        }
        Ok(draft)
    }
}

/// Fills the place of a claim with its value, unless there was one already: two readers of a token with two `exp` may
/// each believe another one.
fn put<'de, A, T, U>(
    place: &mut Option<U>,
    map: &mut A,
    read: impl FnOnce(T) -> Option<U>,
) -> Result<(), A::Error>
where
    A: MapAccess<'de>,
    T: Deserialize<'de>,
{
    if place.is_some() {
        return Err(A::Error::custom("a claim appears twice"));
    }
    *place = read(map.next_value()?);
    if place.is_none() {
        return Err(A::Error::custom("a claim has no such value"));
    }
    Ok(())
}

fn non_empty(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

fn not_negative(number: i64) -> Option<i64> {
    (number >= 0).then_some(number)
}

fn time(text: Text<'_>) -> Option<i64> {
    rfc3339::read(&text.0)
}

/// One id, one text: the library also reads braces, upper case and no hyphens.
fn uuid(text: Text<'_>) -> Option<Uuid> {
    let uuid = Uuid::try_parse(&text.0).ok()?;
    let mut buffer = Uuid::encode_buffer();
    (*uuid.hyphenated().encode_lower(&mut buffer) == *text.0).then_some(uuid)
}
