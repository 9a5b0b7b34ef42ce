//! One field of a message, by the name that a client gave it, and what it must look like.

use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, ReflectMessage};
use serde_json::{Map, Value};

use super::problem::Problem;

/// A message being filled from what a client sent, field by field: a library would not say which one is wrong, or would
/// say it with the value.
pub(super) struct Filling {
    message: DynamicMessage,
    given: Vec<u32>,
}

impl Filling {
    pub(super) fn new(message: MessageDescriptor) -> Self {
        Self { message: DynamicMessage::new(message), given: Vec::new() }
    }

    /// The field of this name, in JSON's spelling or the proto's; each once.
    pub(super) fn claim(&mut self, name: &str) -> Result<FieldDescriptor, Problem> {
        let Some(field) = find(&self.message, name) else {
            return Err(Problem::unknown(name, "is not a field of this request"));
        };
        if self.given.contains(&field.number()) {
            return Err(wrong(&field, "must not be given twice"));
        }
        self.given.push(field.number());
        Ok(field)
    }

    /// Sets a field that was claimed.
    pub(super) fn set(&mut self, field: &FieldDescriptor, value: Value) -> Result<(), Problem> {
        let object = Value::Object(Map::from_iter([(field.json_name().to_owned(), value)]));
        let read = DynamicMessage::deserialize(self.message.descriptor(), object);
        let mut read = read.map_err(|_| wrong(field, rule(field)))?;
        // Null is as good as absent.
        if let Some(value) = read.take_field(field) {
            self.message.set_field(field, value);
        }
        Ok(())
    }

    pub(super) fn finish(self) -> DynamicMessage {
        self.message
    }
}

/// A value that came as text, in a path or a query, as JSON.
pub(super) fn value_of_text(field: &FieldDescriptor, text: String) -> Value {
    match (field.kind(), text.as_str()) {
        (Kind::Bool, "true") => Value::Bool(true),
        (Kind::Bool, "false") => Value::Bool(false),
        _ => Value::String(text),
    }
}

fn find(message: &DynamicMessage, name: &str) -> Option<FieldDescriptor> {
    let descriptor = message.descriptor();
    descriptor.get_field_by_json_name(name).or_else(|| descriptor.get_field_by_name(name))
}

fn wrong(field: &FieldDescriptor, rule: &'static str) -> Problem {
    Problem::Field(field.name().to_owned().into(), rule)
}

/// What a field of this kind must look like.
fn rule(field: &FieldDescriptor) -> &'static str {
    if field.is_list() {
        return "must be a list";
    }
    match field.kind() {
        Kind::String => "must be a string",
        Kind::Bytes => "must be a string in base64",
        Kind::Bool => "must be true or false",
        Kind::Enum(_) => "must be one of the names of its values",
        Kind::Message(message) if message.full_name() == "google.protobuf.Duration" => {
            "must be a number of seconds followed by s, in a string, like \"600s\""
        }
        Kind::Message(message) if message.full_name() == "google.protobuf.Timestamp" => {
            "must be a time in a string, like \"2026-01-01T00:00:00Z\""
        }
        Kind::Message(_) => "must be an object of the form that the API describes",
        Kind::Double | Kind::Float => "must be a number",
        _ => "must be a whole number that fits",
    }
}
