//! A request over plain HTTP, and what a user sees of its answer.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{HeaderMap, Method, Request};
use http_body_util::Full;
use serde_json::Value;

pub use crate::harness::HttpVersion as Version;
use crate::harness::{Credentials, HttpAnswer, http_exchange};

/// A request in the making.
#[derive(Clone, Debug)]
pub struct Ask {
    version: Version,
    verb: Method,
    path: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// A refusal as programs see it: the status, the reason, and the field if one is named.
#[derive(Debug, PartialEq, Eq)]
pub struct RefusedOverHttp {
    pub status: u16,
    pub reason: String,
    pub field: Option<String>,
}

pub fn refused(status: u16, reason: &str) -> RefusedOverHttp {
    RefusedOverHttp { status, reason: reason.to_owned(), field: None }
}

pub fn refused_field(field: &str) -> RefusedOverHttp {
    RefusedOverHttp { field: Some(field.to_owned()), ..refused(400, "FIELD_INVALID") }
}

impl Ask {
    pub fn new(verb: Method, path: &str) -> Self {
        Self { version: Version::One, verb, path: path.to_owned(), headers: Vec::new(), body: Vec::new() }
    }

    pub fn get(path: &str) -> Self {
        Self::new(Method::GET, path)
    }

    /// With a body of JSON.
    pub fn post(path: &str, body: &Value) -> Self {
        Self::new(Method::POST, path).header("content-type", "application/json").body(body.to_string())
    }

    pub fn over(self, version: Version) -> Self {
        Self { version, ..self }
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn body(self, body: impl Into<Vec<u8>>) -> Self {
        Self { body: body.into(), ..self }
    }

    pub fn with(self, credentials: &Credentials<'_>) -> Self {
        match credentials.attach(()).metadata().get("authorization") {
            Some(value) => self.header("authorization", value.to_str().unwrap()),
            None => self,
        }
    }

    /// Sends it on a connection of its own.
    pub async fn send(self, address: SocketAddr) -> Answer {
        let mut request = Request::builder().method(self.verb).uri(self.path);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let request = request.body(Full::new(Bytes::from(self.body))).unwrap();
        let HttpAnswer { status, headers, body } = http_exchange(address, self.version, request).await;
        Answer { status: status.as_u16(), headers, body }
    }
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub fn json(&self) -> Value {
        assert_eq!(self.header("content-type"), Some("application/json"), "{self:?}");
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The message of an answer that is one.
    pub fn ok(&self) -> Value {
        assert_eq!(self.status, 200, "{self:?}");
        assert!(self.header("x-request-id").is_some());
        assert!(self.header("grpc-status").is_none(), "nothing of gRPC is left: {self:?}");
        self.json()
    }

    /// Reads a refusal, and checks what every refusal has.
    pub fn refused(&self) -> RefusedOverHttp {
        assert!(self.status >= 400, "{self:?}");
        let body = self.json();
        assert!(!body["message"].as_str().unwrap().is_empty());
        assert!(body["code"].as_i64().unwrap() > 0);
        let details = body["details"].as_array().unwrap();
        let detail = |name: &str| {
            let wanted = format!("type.googleapis.com/google.rpc.{name}");
            details.iter().find(|detail| detail["@type"] == *wanted)
        };
        let info = detail("ErrorInfo").unwrap();
        assert_eq!(info["domain"], "auth.v1");
        let id = detail("RequestInfo").unwrap()["requestId"].as_str();
        assert_eq!(self.header("x-request-id"), id, "the header and the detail name one call");
        assert_eq!(self.header("cache-control"), Some("no-store"));
        assert_eq!(self.header("retry-after").is_some(), detail("RetryInfo").is_some(), "{self:?}");
        assert_eq!(self.header("www-authenticate").is_some(), self.status == 401, "{self:?}");
        let field =
            detail("BadRequest").map(|bad| bad["fieldViolations"][0]["field"].as_str().unwrap().to_owned());
        RefusedOverHttp { status: self.status, reason: info["reason"].as_str().unwrap().to_owned(), field }
    }
}
