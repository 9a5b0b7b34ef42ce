//! The older surface in the description of the API.

use serde_json::{Value, json};

use crate::domain::Registration;

/// Its paths, as OpenAPI has them.
pub(in crate::rest) fn paths(registration: Registration) -> Vec<(&'static str, Value)> {
    let login = json!({
        "type": "object",
        "required": ["username", "password"],
        "properties": {"username": {"type": "string"}, "password": {"type": "string", "format": "password"}},
    });
    let user =
        json!({"type": "object", "required": ["username"], "properties": {"username": {"type": "string"}}});
    let token = json!({
        "type": "object",
        "required": ["token", "duration"],
        "properties": {
            "token": {"type": "string"},
            "duration": {"type": "integer", "description": "How many seconds it lives."},
        },
    });
    let data = json!({"type": "object", "required": ["data"], "properties": {"data": {"type": "string"}}});
    let new_user = json!({
        "operationId": "olderCreateUser",
        "tags": ["Older API"],
        "summary": "Registers a user.",
        "description": "The name and the password may also be in the query.",
        "security": match registration {
            Registration::Open => json!([]),
            Registration::Closed => json!([{"bearer": []}, {"basic": []}]),
        },
        "requestBody": {"content": {
            "application/json": {"schema": login},
            "application/x-www-form-urlencoded": {"schema": login},
        }},
        "responses": responses("201", "The user; the header Location has its path.", &user),
    });
    vec![
        ("/api/users", json!({"post": new_user})),
        ("/api/users/{user_id}", json!({"get": show_user("olderGetUser", &user)})),
        ("/api/user/{user_id}", json!({"get": show_user("olderGetUserAlias", &user)})),
        (
            "/api/token",
            json!({"get": {
                "operationId": "olderIssueToken",
                "tags": ["Older API"],
                "summary": "Issues a token, in a session that ends with it.",
                "security": [{"basic": []}],
                "parameters": [{
                    "name": "expire",
                    "in": "query",
                    "description": "How many seconds the token shall live.",
                    "schema": {"type": "integer", "minimum": 1},
                }],
                "responses": responses("200", "The token.", &token),
            }}),
        ),
        (
            "/api/resource",
            json!({"get": {
                "operationId": "olderGetResource",
                "tags": ["Older API"],
                "summary": "Greets the caller.",
                "description": "A token goes into the place of the user name, and anything into that of the password.",
                "security": [{"basic": []}],
                "responses": responses("200", "The greeting.", &data),
            }}),
        ),
    ]
}

fn show_user(operation: &str, user: &Value) -> Value {
    json!({
        "operationId": operation,
        "tags": ["Older API"],
        "summary": "Shows a user to who may see it.",
        "security": [{"basic": []}, {"bearer": []}],
        "parameters": [{"name": "user_id", "in": "path", "required": true, "schema": {"type": "string"}}],
        "responses": responses("200", "The user.", user),
    })
}

fn responses(status: &str, description: &str, schema: &Value) -> Value {
    let message =
        json!({"type": "object", "required": ["message"], "properties": {"message": {"type": "string"}}});
    json!({
        status: {"description": description, "content": {"application/json": {"schema": schema}}},
        "default": {"description": "Why not.", "content": {"application/json": {"schema": message}}},
    })
}
