//! The wires that a call can take.

use std::net::SocketAddr;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::Method;
use prost_reflect::DynamicMessage;

use super::ask::Ask;
use super::parity::{Input, Outcome};
use super::schema::{Schema, json_of};
use crate::harness::{Credentials, raw_unary, refused};

/// A wire. `None` is what it cannot carry.
pub trait Wire: Sync {
    fn name(&self) -> &'static str;

    fn call<'c>(
        &'c self,
        address: SocketAddr,
        input: &'c Input,
        credentials: &'c Credentials<'c>,
    ) -> BoxFuture<'c, Option<Outcome>>;
}

/// Native gRPC.
pub struct GrpcWire;

impl Wire for GrpcWire {
    fn name(&self) -> &'static str {
        "gRPC"
    }

    fn call<'c>(
        &'c self,
        address: SocketAddr,
        input: &'c Input,
        credentials: &'c Credentials<'c>,
    ) -> BoxFuture<'c, Option<Outcome>> {
        async move {
            let path = format!("/{}/{}", input.method.parent_service().full_name(), input.method.name());
            let request = credentials.attach(());
            let value = request.metadata().get("authorization").map(|value| value.to_str().unwrap());
            let headers: Vec<_> = value.into_iter().map(|value| ("authorization", value)).collect();
            let outcome = raw_unary(address, &path, &headers, &input.message).await;
            Some(match outcome {
                Ok(bytes) => Ok(json_of(&DynamicMessage::decode(input.method.output(), bytes).unwrap())),
                Err(status) => {
                    let refusal = refused(&status);
                    Err((refusal.code as i32, refusal.reason, refusal.field))
                }
            })
        }
        .boxed()
    }
}

/// JSON over HTTP, by what the HTTP rules say.
pub struct RestWire<'s>(&'s Schema);

impl<'s> RestWire<'s> {
    pub fn new(schema: &'s Schema) -> Self {
        Self(schema)
    }

    fn ask(&self, input: &Input) -> Option<Ask> {
        let (verb, template) = self.0.rule(&input.method);
        let (mut path, mut message) = (template, input.message.clone());
        for field in input.method.input().fields() {
            let place = format!("{{{}}}", field.name());
            if path.contains(&place) {
                let value = message.take_field(&field)?;
                path = path.replace(&place, &encode(value.as_str().unwrap()));
            }
        }
        let body = json_of(&message);
        Some(match verb {
            Method::POST => Ask::post(&path, &body),
            verb => {
                let pairs = body.as_object().unwrap().iter().map(|(name, value)| {
                    format!("{name}={}", encode(&value.as_str().map_or(value.to_string(), str::to_owned)))
                });
                Ask::new(verb, &format!("{path}?{}", pairs.collect::<Vec<_>>().join("&")))
            }
        })
    }
}

impl Wire for RestWire<'_> {
    fn name(&self) -> &'static str {
        "REST"
    }

    fn call<'c>(
        &'c self,
        address: SocketAddr,
        input: &'c Input,
        credentials: &'c Credentials<'c>,
    ) -> BoxFuture<'c, Option<Outcome>> {
        async move {
            let answer = self.ask(input)?.with(credentials).send(address).await;
            if answer.status == 404 && answer.refused().reason == "METHOD_UNKNOWN" {
                // A slash in a path is another path.
                return None;
            }
            Some(if answer.status == 200 {
                let message =
                    prost_reflect::DynamicMessage::deserialize(input.method.output(), answer.ok()).unwrap();
                Ok(json_of(&message))
            } else {
                let refusal = answer.refused();
                let code = answer.json()["code"].as_i64().unwrap();
                Err((i32::try_from(code).unwrap(), refusal.reason, refusal.field))
            })
        }
        .boxed()
    }
}

/// Percent-encoded, all but what never needs it.
fn encode(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    text.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}
