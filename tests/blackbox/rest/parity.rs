//! Every method that has a path answers alike on every wire. The table of inputs is generated from the descriptor set, so
//! that a new method or field is in it before anybody remembers; each wire gets the whole of it on a server of its own,
//! with the same clock and the same randomness, and their answers are laid side by side.

use prost::bytes::Bytes;
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MethodDescriptor, ReflectMessage, Value};
use serde_json::Value as Json;

use super::schema::{Schema, json_of};
use super::wires::{EnvoyWire, GrpcWebWire, GrpcWire, RestWire, Wire};
use crate::harness::{Credentials, PASSWORD, TestServer};

/// What a call came to: the answer in JSON, or code, reason and field.
pub type Outcome = Result<Json, (i32, String, Option<String>)>;

/// One call.
pub struct Input {
    pub method: MethodDescriptor,
    pub credentials: &'static str,
    pub message: DynamicMessage,
}

const CREDENTIALS: [&str; 4] = ["nobody", "alice's token", "root's password", "an unreadable token"];
const NOBODY: &str = "0193b4a0-5f6e-7c3a-8d5e-1f2a3b4c5d6e";

/// What is put into a field: nothing, what is right somewhere, what is wrong everywhere.
fn values(field: &FieldDescriptor) -> Vec<Value> {
    let texts = |texts: &[&str]| texts.iter().map(|&text| Value::String(text.to_owned())).collect();
    match field.kind() {
        Kind::String if field.name().ends_with("password") => {
            texts(&[PASSWORD, "short", "wrong but long enough"])
        }
        Kind::String if field.name() == "username" => texts(&["alice", "carol", "a:b", "ü\u{1f600} x"]),
        Kind::String if field.name() == "audience" => texts(&["billing", "nowhere"]),
        Kind::String => texts(&["me", NOBODY, "you & me/?#%+", "v4.public.x"]),
        Kind::Bool => vec![Value::Bool(true)],
        Kind::Bytes => {
            vec![Value::Bytes(Bytes::from_static(b"short")), Value::Bytes(Bytes::from_static(&[0xfb; 24]))]
        }
        Kind::Message(message) if message.full_name() == "google.protobuf.Duration" => {
            let span = |seconds| {
                let mut span = DynamicMessage::new(message.clone());
                span.set_field_by_name("seconds", Value::I64(seconds));
                Value::Message(span)
            };
            vec![span(-1), span(0), span(1), span(100_000)]
        }
        other => panic!("say here what goes into {} of {other:?}", field.full_name()),
    }
}

/// No field, one field, and every field with its first value.
fn messages(method: &MethodDescriptor) -> Vec<DynamicMessage> {
    let empty = DynamicMessage::new(method.input());
    let mut full = empty.clone();
    let mut messages = vec![empty.clone()];
    for field in method.input().fields() {
        for value in values(&field) {
            let mut one = empty.clone();
            one.set_field(&field, value);
            messages.push(one);
        }
        full.set_field(&field, values(&field).swap_remove(0));
    }
    messages.push(full);
    messages
}

fn inputs(schema: &Schema) -> Vec<Input> {
    let mut inputs = Vec::new();
    for method in schema.methods() {
        for credentials in CREDENTIALS {
            for message in messages(&method) {
                inputs.push(Input { method: method.clone(), credentials, message });
            }
        }
    }
    // What ends a user or its sessions comes last.
    inputs.sort_by_key(|input| {
        ["Revoke", "Change", "Delete"].iter().any(|word| input.method.name().starts_with(word))
    });
    inputs
}

/// The answers of one wire, `None` where it cannot carry an input.
async fn answers(wire: &dyn Wire, inputs: &[Input]) -> Vec<Option<Outcome>> {
    let server = TestServer::start().await;
    let Some(address) = wire.way_to(server.address).await else { return vec![None; inputs.len()] };
    let client = server.client().await;
    client.create_user("alice", PASSWORD).await.unwrap();
    server.admin("root").await;
    let token = client.sign_in("alice", PASSWORD).await;
    let mut outcomes = Vec::new();
    for input in inputs {
        let credentials = match input.credentials {
            "alice's token" => Credentials::Bearer(&token),
            "root's password" => Credentials::Basic("root", PASSWORD),
            "an unreadable token" => Credentials::Bearer("v4.public.x"),
            _ => Credentials::None,
        };
        outcomes.push(wire.call(address, input, &credentials).await.map(|outcome| outcome.map(told)));
    }
    outcomes
}

/// What an answer says, but for what is made anew for each: tokens and ids.
fn told(mut answer: Json) -> Json {
    match &mut answer {
        Json::String(text) => {
            for (start, name) in [("v4.public.", "a token"), ("csr_", "a refresh token"), ("k4.", "a key")] {
                if text.starts_with(start) {
                    *text = name.to_owned();
                }
            }
            if text.len() == 36 && text.bytes().filter(|b| *b == b'-').count() == 4 {
                *text = "an id".to_owned();
            }
        }
        Json::Array(items) => items.iter_mut().for_each(|item| *item = told(item.take())),
        Json::Object(members) => members.values_mut().for_each(|value| *value = told(value.take())),
        _ => {}
    }
    answer
}

#[tokio::test]
async fn every_method_answers_alike_on_every_wire() {
    let schema = Schema::read();
    let inputs = inputs(&schema);
    let wires: [&dyn Wire; 4] = [&GrpcWire, &GrpcWebWire, &RestWire::new(&schema), &EnvoyWire::new(&schema)];
    let mut columns = Vec::new();
    for wire in wires {
        columns.push((wire.name(), answers(wire, &inputs).await));
    }
    let ((_, expected), others) = columns.split_first().unwrap();
    for (name, outcomes) in others {
        let (mut answered, mut refused) = (0, 0);
        for ((input, expected), outcome) in inputs.iter().zip(expected).zip(outcomes) {
            let Some(outcome) = outcome else { continue };
            let message = json_of(&input.message);
            let cell =
                format!("{name}: {} by {} with {message}", input.method.full_name(), input.credentials);
            assert_eq!(Some(outcome), expected.as_ref(), "{cell}");
            *(if outcome.is_ok() { &mut answered } else { &mut refused }) += 1;
        }
        let is_skipped = outcomes.iter().all(Option::is_none);
        assert!(is_skipped || (answered > 50 && refused > 300), "{name}: {answered} {refused}");
    }
    let named = |name: &str| inputs.iter().any(|input| input.method.name() == name);
    assert!(named("CreateUser") && named("VerifyToken") && inputs[0].message.descriptor().fields().len() > 0);
}
