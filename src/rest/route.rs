//! A way in: a verb and a path, and the method that they stand for.

use http::{Method, Uri};
use prost_reflect::{MessageDescriptor, MethodDescriptor};

use super::template::Template;

/// A verb and a path, and the method behind them.
#[derive(Debug)]
pub(super) struct Route {
    verb: Method,
    template: Template,
    method: MethodDescriptor,
    grpc_path: Uri,
}

impl Route {
    pub(super) fn new(verb: Method, template: Template, method: MethodDescriptor) -> Self {
        let path = format!("/{}/{}", method.parent_service().full_name(), method.name());
        let grpc_path = Uri::try_from(path).unwrap_or_default();
        Self { verb, template, method, grpc_path }
    }

    pub(super) fn verb(&self) -> &Method {
        &self.verb
    }

    pub(super) fn template(&self) -> &Template {
        &self.template
    }

    pub(super) fn method(&self) -> &MethodDescriptor {
        &self.method
    }

    pub(super) fn input(&self) -> MessageDescriptor {
        self.method.input()
    }

    pub(super) fn output(&self) -> MessageDescriptor {
        self.method.output()
    }

    /// Where the same method is over gRPC.
    pub(super) fn grpc_path(&self) -> Uri {
        self.grpc_path.clone()
    }

    /// Whether the request's fields come as JSON; in the query otherwise.
    pub(super) fn takes_body(&self) -> bool {
        self.verb != Method::GET && self.verb != Method::DELETE
    }
}
