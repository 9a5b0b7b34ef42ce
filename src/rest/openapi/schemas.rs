//! Messages as JSON Schema, by the rules of proto3's JSON.

use std::collections::BTreeMap;

use prost_reflect::{EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor};
use serde_json::{Map, Value, json};

use super::comments;

/// The schemas that a document needs, by name.
#[derive(Default)]
pub(super) struct Schemas(BTreeMap<String, Value>);

impl Schemas {
    /// A reference to a message, whose schema is then there.
    pub(super) fn message(&mut self, message: &MessageDescriptor) -> Value {
        let name = message.name();
        if !self.0.contains_key(name) {
            // Before its fields, of which one may be the same message.
            self.0.insert(name.to_owned(), Value::Null);
            let schema = self.object(message, &[]);
            self.0.insert(name.to_owned(), schema);
        }
        reference(name)
    }

    /// A message without some of its fields, where it stands.
    pub(super) fn object(&mut self, message: &MessageDescriptor, without: &[&str]) -> Value {
        let fields = message.fields().filter(|field| !without.contains(&field.name()));
        let properties: Map<String, Value> =
            fields.map(|field| (field.json_name().to_owned(), self.field(&field))).collect();
        json!({
            "type": "object",
            "description": comments::of(&message.parent_file(), message.path()),
            "properties": properties,
        })
    }

    /// What a field holds, and what it is for.
    pub(super) fn field(&mut self, field: &FieldDescriptor) -> Value {
        let one = self.kind(&field.kind());
        let mut schema = if field.is_list() { json!({"type": "array", "items": one}) } else { one };
        schema["description"] = comments::of(&field.parent_message().parent_file(), field.path()).into();
        if field.name().ends_with("password") {
            schema["format"] = "password".into();
        }
        schema
    }

    /// A schema that no message has.
    pub(super) fn insert(&mut self, name: &str, schema: Value) -> Value {
        self.0.insert(name.to_owned(), schema);
        reference(name)
    }

    pub(super) fn into_value(self) -> Value {
        Value::Object(self.0.into_iter().collect())
    }

    fn kind(&mut self, kind: &Kind) -> Value {
        match kind {
            Kind::String => json!({"type": "string"}),
            Kind::Bytes => json!({"type": "string", "contentEncoding": "base64"}),
            Kind::Bool => json!({"type": "boolean"}),
            Kind::Double | Kind::Float => json!({"type": "number"}),
            Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 | Kind::Uint32 | Kind::Fixed32 => {
                json!({"type": "integer", "format": "int32"})
            }
            Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 | Kind::Uint64 | Kind::Fixed64 => {
                json!({"type": "string", "format": "int64", "pattern": "^-?[0-9]+$"})
            }
            Kind::Enum(values) => self.values(values),
            Kind::Message(message) => match message.full_name() {
                "google.protobuf.Timestamp" => json!({"type": "string", "format": "date-time"}),
                "google.protobuf.Duration" => {
                    // None of ours is a span back.
                    json!({"type": "string", "pattern": "^[0-9]+(\\.[0-9]{1,9})?s$", "examples": ["10s"]})
                }
                _ => self.message(message),
            },
        }
    }

    fn values(&mut self, values: &EnumDescriptor) -> Value {
        let names: Vec<String> = values.values().map(|value| value.name().to_owned()).collect();
        let mut description = comments::of(&values.parent_file(), values.path());
        for value in values.values() {
            let comment = comments::of(&values.parent_file(), value.path());
            description.push_str(&format!("\n- `{}`: {comment}", value.name()));
        }
        self.insert(values.name(), json!({"type": "string", "description": description, "enum": names}))
    }
}

fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}
