//! A request's path, query and body as the message of its method.

use std::fmt;

use prost::Message;
use prost_reflect::MessageDescriptor;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::field::{Filling, value_of_text};
use super::problem::Problem;
use super::query;

/// Where the fields that the path does not have are.
pub(super) enum Source {
    /// In the query.
    Query(String),
    /// In the body, as JSON; a query has then nothing to say.
    Body { query: String },
}

/// What a message is made of, but for the body.
pub(super) struct Recipe {
    pub(super) message: MessageDescriptor,
    pub(super) path_values: Vec<(String, String)>,
    pub(super) source: Source,
}

impl Recipe {
    /// The message, encoded.
    pub(super) fn encode(self, body: &[u8]) -> Result<Vec<u8>, Problem> {
        let mut filling = Filling::new(self.message);
        for (name, value) in self.path_values {
            let field = filling.claim(&name)?;
            filling.set(&field, value_of_text(&field, value))?;
        }
        match &self.source {
            Source::Query(text) => {
                if !body.is_empty() {
                    return Err(Problem::Body("this request takes no body; its fields go into the query"));
                }
                fill_from_query(&mut filling, text)?;
            }
            Source::Body { query } => {
                if !query.is_empty() {
                    return Err(Problem::Body("this request takes no query; its fields go into the body"));
                }
                fill_from_json(&mut filling, body)?;
            }
        }
        Ok(filling.finish().encode_to_vec())
    }
}

fn fill_from_query(filling: &mut Filling, text: &str) -> Result<(), Problem> {
    for (name, value) in query::read(text)? {
        let field = filling.claim(&name)?;
        filling.set(&field, value_of_text(&field, value))?;
    }
    Ok(())
}

/// No body is an empty message.
fn fill_from_json(filling: &mut Filling, body: &[u8]) -> Result<(), Problem> {
    for (name, value) in read_object(body)? {
        let field = filling.claim(&name)?;
        filling.set(&field, value)?;
    }
    Ok(())
}

/// The members of the object that a body is, in their order, doublets included.
pub(super) fn read_object(body: &[u8]) -> Result<Vec<(String, Value)>, Problem> {
    if body.is_empty() {
        return Ok(Vec::new());
    }
    let object: Object =
        serde_json::from_slice(body).map_err(|_| Problem::Body("the body must be one JSON object"))?;
    Ok(object.0)
}

struct Object(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Members).map(Object)
    }
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Vec<(String, Value)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(members)
    }
}
