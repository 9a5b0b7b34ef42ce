//! The whole document.

use serde_json::{Value, json};

use super::operation::Access;
use super::schemas::Schemas;
use super::{errors, operation};
use crate::rest::route::Route;

/// The document that describes `routes`, and whatever else is there.
pub(in crate::rest) fn write<'r>(
    routes: impl Iterator<Item = &'r Route>,
    access: &Access,
    others: Vec<(&'static str, Value)>,
) -> Vec<u8> {
    let mut schemas = Schemas::default();
    let mut paths = json!({});
    for route in routes {
        let verb = route.verb().as_str().to_ascii_lowercase();
        paths[route.template().text()][verb] = operation::describe(route, access, &mut schemas);
    }
    // In this order they are shown.
    let mut tags = vec![json!({"name": "AuthService"}), json!({"name": "TrustService"})];
    if !others.is_empty() {
        tags.push(json!({"name": "Older API"}));
    }
    for (path, item) in others {
        paths[path] = item;
    }
    let error = schemas.insert("Error", errors::schema());
    let document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Countersign",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Users, tokens and sessions. The same methods are there over gRPC.",
        },
        "servers": [{"url": "/"}],
        "tags": tags,
        "paths": paths,
        "components": {
            "schemas": schemas.into_value(),
            "responses": {"Error": {
                "description": "Why the call was refused.",
                "content": {"application/json": {"schema": error}},
            }},
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "PASETO v4.public",
                    "description": "An access token.",
                },
                "basic": {
                    "type": "http",
                    "scheme": "basic",
                    "description": "A user name and its password, or an access token and anything.",
                },
            },
        },
    });
    document.to_string().into_bytes()
}
