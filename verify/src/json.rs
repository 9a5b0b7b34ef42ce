//! Strict reading of JSON values: texts without a copy where there is no escape, and values that are skipped but not
//! trusted. Knows no claim.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// A JSON string, its escapes resolved.
#[derive(Deserialize)]
#[serde(transparent)]
pub(crate) struct Text<'a>(#[serde(borrow)] pub(crate) Cow<'a, str>);

/// The names of one object that were seen. Two readers of an object that holds a name twice may each believe another
/// value (RFC 8259, section 4), so the second one ends the reading.
#[derive(Default)]
pub(crate) struct Names<'a>(BTreeSet<Cow<'a, str>>);

impl<'a> Names<'a> {
    pub(crate) fn insert<E: Error>(&mut self, name: Text<'a>) -> Result<(), E> {
        if self.0.insert(name.0) { Ok(()) } else { Err(E::custom("a name appears twice")) }
    }
}

/// Any JSON value, thrown away, in which no object holds a name twice.
pub(crate) struct Skipped;

impl<'de> Deserialize<'de> for Skipped {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SkippedVisitor)
    }
}

struct SkippedVisitor;

impl<'de> Visitor<'de> for SkippedVisitor {
    type Value = Skipped;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Skipped, E> {
        Ok(Skipped)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Skipped, E> {
        Ok(Skipped)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Skipped, E> {
        Ok(Skipped)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Skipped, E> {
        Ok(Skipped)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Skipped, E> {
        Ok(Skipped)
    }

    fn visit_str<E>(self, _: &str) -> Result<Skipped, E> {
        Ok(Skipped)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Skipped, A::Error> {
        while items.next_element::<Skipped>()?.is_some() {}
        Ok(Skipped)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Skipped, A::Error> {
        let mut names = Names::default();
        while let Some(name) = entries.next_key()? {
            names.insert(name)?;
            entries.next_value::<Skipped>()?;
        }
        Ok(Skipped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_skipped(json: &str) -> bool {
        serde_json::from_str::<Skipped>(json).is_ok()
    }

    #[test]
    fn any_value_can_be_skipped() {
        for json in
            ["null", "true", "-1", "1", "1.5", "\"a\\n\"", "[]", "[1,[{}]]", r#"{"a":{"b":[null]},"b":1}"#]
        {
            assert!(is_skipped(json), "{json}");
        }
    }

    #[test]
    fn a_name_twice_is_found_at_every_depth() {
        for json in [r#"{"a":1,"a":1}"#, r#"{"a":1,"\u0061":1}"#, r#"{"b":[0,{"c":{"a":1,"x":2,"a":3}}]}"#] {
            assert!(!is_skipped(json), "{json}");
        }
    }

    #[test]
    fn a_deep_value_is_an_error_and_no_overflow() {
        assert!(!is_skipped(&"[".repeat(100_000)));
    }
}
