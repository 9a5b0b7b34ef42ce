//! JSON for programs, in the spelling of proto3's: names in lowerCamelCase, enum values by name, times as RFC 3339,
//! 64-bit numbers as texts, bytes in base64, and what is empty left out. So a program reads a command and an RPC alike.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::{Arg, ArgAction};
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::escape::escape_json;
use super::time;

/// The switch that asks for it.
pub(super) fn argument() -> Arg {
    Arg::new("json").long("json").action(ArgAction::SetTrue).help("For programs: JSON")
}

/// The text to print.
pub(super) fn render(value: &Value) -> String {
    escape_json(&format!("{value:#}"))
}

/// An object in the making.
#[derive(Default)]
pub(super) struct Object(Map<String, Value>);

impl Object {
    pub(super) fn text(self, name: &str, text: &str) -> Self {
        self.with(name, (!text.is_empty()).then(|| text.into()))
    }

    pub(super) fn texts(self, name: &str, texts: &[String]) -> Self {
        self.with(name, (!texts.is_empty()).then(|| texts.to_vec().into()))
    }

    pub(super) fn bytes(self, name: &str, bytes: &[u8]) -> Self {
        self.text(name, &STANDARD.encode(bytes))
    }

    pub(super) fn time(self, name: &str, time: Option<Timestamp>) -> Self {
        self.with(name, time.map(|time| time::exact(time).into()))
    }

    pub(super) fn flag(self, name: &str, flag: bool) -> Self {
        self.with(name, flag.then(|| true.into()))
    }

    /// A number of 32 bits.
    pub(super) fn number(self, name: &str, number: i32) -> Self {
        self.with(name, (number != 0).then(|| number.into()))
    }

    /// A number of 64 bits, which is a text: JavaScript would round it.
    pub(super) fn long(self, name: &str, number: i64) -> Self {
        self.with(name, (number != 0).then(|| number.to_string().into()))
    }

    /// Another object or an enum value.
    pub(super) fn value(self, name: &str, value: impl Into<Value>) -> Self {
        self.with(name, Some(value.into()))
    }

    /// A list that is what the command is about: there even if it is empty, so that whoever goes through it need not ask.
    pub(super) fn list(self, name: &str, items: impl Iterator<Item = Value>) -> Self {
        self.with(name, Some(items.collect()))
    }

    fn with(mut self, name: &str, value: Option<Value>) -> Self {
        if let Some(value) = value {
            self.0.insert(name.to_owned(), value);
        }
        self
    }
}

impl From<Object> for Value {
    fn from(object: Object) -> Self {
        Self::Object(object.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_empty_is_left_out_and_a_list_is_not() {
        let object = Object::default()
            .text("a", "")
            .texts("b", &[])
            .bytes("h", &[])
            .time("c", None)
            .flag("d", false)
            .number("e", 0)
            .long("f", 0)
            .list("g", std::iter::empty());
        assert_eq!(render(&object.into()), "{\n  \"g\": []\n}");
    }

    #[test]
    fn forms_are_those_of_proto3() {
        let object = Object::default()
            .text("text", "\u{1b}\u{9b}")
            .texts("texts", &["x".to_owned()])
            .bytes("bytes", &[0xfb, 0xff])
            .time("time", Timestamp::from_millisecond(1_767_225_600_400).ok())
            .flag("flag", true)
            .number("number", -7)
            .long("long", i64::MAX);
        let expected = "{\n  \"bytes\": \"+/8=\",\n  \"flag\": true,\n  \"long\": \"9223372036854775807\",\n  \"number\": -7,\n  \
                        \"text\": \"\\u001b\\u009b\",\n  \"texts\": [\n    \"x\"\n  ],\n  \
                        \"time\": \"2026-01-01T00:00:00.400Z\"\n}";
        assert_eq!(render(&object.into()), expected);
    }
}
