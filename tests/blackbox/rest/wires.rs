//! The wires that a call can take.

use std::net::SocketAddr;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::Method;
use prost::Message;
use prost_reflect::{DynamicMessage, MethodDescriptor};
use tokio::sync::OnceCell;
use tonic::Status;

use super::ask::Ask;
use super::parity::{Input, Outcome};
use super::schema::{Schema, json_of};
use crate::browsers::{frame, message};
use crate::harness::{Credentials, Gateway, http, raw_unary, refused};

/// A wire. `None` is what it cannot carry.
pub trait Wire: Sync {
    fn name(&self) -> &'static str;

    /// Where calls to the server at `address` are to be sent; `None` if what takes them there is not installed.
    fn way_to(&self, address: SocketAddr) -> BoxFuture<'_, Option<SocketAddr>> {
        std::future::ready(Some(address)).boxed()
    }

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
            let authorization = authorization(credentials);
            let headers: Vec<_> =
                authorization.iter().map(|value| ("authorization", value.as_str())).collect();
            let outcome = raw_unary(address, &path(&input.method), &headers, &input.message).await;
            Some(read(input, outcome.map(|bytes| bytes.to_vec())))
        }
        .boxed()
    }
}

/// gRPC-Web over HTTP/1.1.
pub struct GrpcWebWire;

impl Wire for GrpcWebWire {
    fn name(&self) -> &'static str {
        "gRPC-Web"
    }

    fn call<'c>(
        &'c self,
        address: SocketAddr,
        input: &'c Input,
        credentials: &'c Credentials<'c>,
    ) -> BoxFuture<'c, Option<Outcome>> {
        async move {
            let authorization = authorization(credentials);
            let mut headers = vec![("content-type", "application/grpc-web+proto")];
            headers.extend(authorization.iter().map(|value| ("authorization", value.as_str())));
            let body = frame(&input.message.encode_to_vec());
            let answer = http(address, ("POST", &path(&input.method)), &headers, body).await;
            Some(read(input, message(&answer)))
        }
        .boxed()
    }
}

fn path(method: &MethodDescriptor) -> String {
    format!("/{}/{}", method.parent_service().full_name(), method.name())
}

fn authorization(credentials: &Credentials<'_>) -> Option<String> {
    let request = credentials.attach(());
    request.metadata().get("authorization").map(|value| value.to_str().unwrap().to_owned())
}

fn read(input: &Input, outcome: Result<Vec<u8>, Status>) -> Outcome {
    match outcome {
        Ok(bytes) => Ok(json_of(&DynamicMessage::decode(input.method.output(), bytes.as_slice()).unwrap())),
        Err(status) => {
            let refusal = refused(&status);
            Err((refusal.code as i32, refusal.reason, refusal.field))
        }
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

/// JSON over HTTP as the real Envoy makes gRPC of it.
pub struct EnvoyWire<'s> {
    rest: RestWire<'s>,
    gateway: OnceCell<Option<Gateway>>,
}

impl<'s> EnvoyWire<'s> {
    pub fn new(schema: &'s Schema) -> Self {
        Self { rest: RestWire::new(schema), gateway: OnceCell::new() }
    }
}

impl Wire for EnvoyWire<'_> {
    fn name(&self) -> &'static str {
        "Envoy"
    }

    fn way_to(&self, address: SocketAddr) -> BoxFuture<'_, Option<SocketAddr>> {
        async move {
            let gateway = self.gateway.get_or_init(|| Gateway::start(address)).await;
            gateway.as_ref().map(|gateway| gateway.address)
        }
        .boxed()
    }

    fn call<'c>(
        &'c self,
        address: SocketAddr,
        input: &'c Input,
        credentials: &'c Credentials<'c>,
    ) -> BoxFuture<'c, Option<Outcome>> {
        async move {
            let answer = self.rest.ask(input)?.with(credentials).send(address).await;
            let said = answer.json();
            if answer.status == 200 {
                let message = DynamicMessage::deserialize(input.method.output(), said).unwrap();
                return Some(Ok(json_of(&message)));
            }
            let details = said["details"].as_array().unwrap();
            let detail =
                |name: &str| details.iter().find(|one| one["@type"].as_str().unwrap().ends_with(name));
            let reason = detail("ErrorInfo").unwrap()["reason"].as_str().unwrap().to_owned();
            let field = detail("BadRequest")
                .map(|bad| bad["fieldViolations"][0]["field"].as_str().unwrap().to_owned());
            // A slash in a path is another path.
            (reason != "METHOD_UNKNOWN")
                .then(|| Err((i32::try_from(said["code"].as_i64().unwrap()).unwrap(), reason, field)))
        }
        .boxed()
    }
}

/// Percent-encoded, all but what never needs it.
fn encode(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    text.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}
