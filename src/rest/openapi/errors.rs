//! What an error looks like, for the description: `google.rpc.Status` and the details that ours have.

use serde_json::{Value, json};

use crate::pb::auth::v1::ErrorReason;

/// What the names of reasons start with and the wire does without.
const REASON_PREFIX: &str = "ERROR_REASON_";

/// The schema of an error.
pub(super) fn schema() -> Value {
    json!({
        "type": "object",
        "description": "google.rpc.Status in JSON. Programs look at the reason in ErrorInfo.",
        "required": ["code", "message", "details"],
        "properties": {
            "code": {"type": "integer", "format": "int32", "description": "The gRPC status code."},
            "message": {"type": "string", "description": "What is wrong, for people."},
            "details": {"type": "array", "items": {"oneOf": details()}},
        },
        "examples": [{
            "code": 5,
            "message": "there is no such user",
            "details": [
                {"@type": type_url("ErrorInfo"), "reason": "USER_NOT_FOUND", "domain": "auth.v1"},
                {"@type": type_url("RequestInfo"), "requestId": "trace-7"},
            ],
        }],
    })
}

fn details() -> Value {
    let text = json!({"type": "string"});
    let violation = json!({"type": "object", "properties": {"field": text, "description": text}});
    json!([
        detail(
            "ErrorInfo",
            &[("reason", json!({"type": "string", "enum": reasons()})), ("domain", text.clone())]
        ),
        detail("BadRequest", &[("fieldViolations", json!({"type": "array", "items": violation}))]),
        detail("RetryInfo", &[("retryDelay", json!({"type": "string", "examples": ["1s"]}))]),
        detail("RequestInfo", &[("requestId", text)]),
    ])
}

fn detail(name: &str, fields: &[(&str, Value)]) -> Value {
    let mut properties = json!({"@type": {"type": "string", "const": type_url(name)}});
    for (field, schema) in fields {
        properties[*field] = schema.clone();
    }
    json!({"type": "object", "title": name, "required": ["@type"], "properties": properties})
}

fn type_url(name: &str) -> String {
    format!("type.googleapis.com/google.rpc.{name}")
}

fn reasons() -> Vec<&'static str> {
    let known = (1..).map_while(|number| ErrorReason::try_from(number).ok());
    known.map(|reason| reason.as_str_name().trim_start_matches(REASON_PREFIX)).collect()
}
