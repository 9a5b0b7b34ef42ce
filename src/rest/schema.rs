//! The descriptors that JSON is read and written by: our own files, with the HTTP rules of their methods, and the details
//! of errors.

use prost_reflect::{DescriptorPool, ExtensionDescriptor, MessageDescriptor, MethodDescriptor};

use super::route::Route;
use super::template::Template;
use crate::pb::DESCRIPTOR_SET;

/// What a method's HTTP rule is written in.
const HTTP_OPTION: &str = "google.api.http";
/// What a method's access rule is written in.
const ACCESS_OPTION: &str = "auth.v1.access";
/// What errors are written in.
const STATUS: &str = "google.rpc.Status";
/// The verbs that a rule can name.
const VERBS: [(&str, http::Method); 5] = [
    ("get", http::Method::GET),
    ("put", http::Method::PUT),
    ("post", http::Method::POST),
    ("delete", http::Method::DELETE),
    ("patch", http::Method::PATCH),
];

/// The descriptor set cannot be served over HTTP.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// It cannot be read.
    #[error("the descriptor set cannot be read")]
    Unreadable(#[from] prost_reflect::DescriptorError),
    /// It lacks what errors or rules are written in.
    #[error("the descriptor set lacks {0}")]
    Lacking(&'static str),
    /// A rule uses what is not implemented.
    #[error("the HTTP rule of {0} cannot be served")]
    Rule(String),
}

/// The descriptors.
#[derive(Debug)]
pub(super) struct Schema {
    pool: DescriptorPool,
    status: MessageDescriptor,
}

impl Schema {
    /// Reads the descriptors of this API.
    pub(super) fn of_api() -> Result<Self, SchemaError> {
        let mut pool = DescriptorPool::decode(DESCRIPTOR_SET)?;
        pool.decode_file_descriptor_set(tonic_types::pb::FILE_DESCRIPTOR_SET)?;
        let status = pool.get_message_by_name(STATUS).ok_or(SchemaError::Lacking(STATUS))?;
        Ok(Self { pool, status })
    }

    /// What errors are written in.
    pub(super) fn status(&self) -> MessageDescriptor {
        self.status.clone()
    }

    /// What access rules are written in.
    pub(super) fn access(&self) -> Result<ExtensionDescriptor, SchemaError> {
        self.pool.get_extension_by_name(ACCESS_OPTION).ok_or(SchemaError::Lacking(ACCESS_OPTION))
    }

    /// Every method with an HTTP rule. One without is not reachable, and neither is a stream, which JSON cannot carry.
    pub(super) fn routes(&self) -> Result<Vec<Route>, SchemaError> {
        let option = self.pool.get_extension_by_name(HTTP_OPTION).ok_or(SchemaError::Lacking(HTTP_OPTION))?;
        let methods = self.pool.services().flat_map(|service| service.methods().collect::<Vec<_>>());
        methods.filter_map(|method| read_rule(&method, &option)).collect()
    }
}

fn read_rule(method: &MethodDescriptor, option: &ExtensionDescriptor) -> Option<Result<Route, SchemaError>> {
    let options = method.options();
    if !options.has_extension(option) {
        return None;
    }
    let value = options.get_extension(option);
    let rule = value.as_message()?;
    let text = |name: &str| {
        rule.get_field_by_name(name).and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
    };
    let named = VERBS.iter().find(|(name, _)| !text(name).is_empty());
    let route = named.and_then(|(name, verb)| {
        let template = Template::parse(&text(name))?;
        let filled = |name: &str| method.input().get_field_by_name(name).is_some();
        let body = text("body");
        let takes_body = *verb != http::Method::GET && *verb != http::Method::DELETE;
        let fits = template.variables().all(filled)
            && (body == "*") == takes_body
            && (takes_body || body.is_empty())
            && text("response_body").is_empty()
            && !method.is_client_streaming()
            && !method.is_server_streaming();
        fits.then(|| Route::new(verb.clone(), template, method.clone()))
    });
    Some(route.ok_or_else(|| SchemaError::Rule(method.full_name().to_owned())))
}
