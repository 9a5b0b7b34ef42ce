//! The description of the API.

use std::path::Path;
use std::process::Command;

use countersign::domain::Registration;
use http::Method;
use serde_json::{Value, json};

use super::ask::Ask;
use super::schema::Schema;
use crate::harness::{Binary, TestServer, run, tool};

async fn document(older_api: bool) -> Value {
    let server = TestServer::start_with(|config| config.older_api = older_api).await;
    Ask::get("/openapi.json").send(server.address).await.ok()
}

#[tokio::test]
async fn every_method_with_a_path_is_described_and_says_who_may_call_it() {
    let document = document(false).await;
    let schema = Schema::read();
    let mut count = 0;
    for method in schema.methods() {
        let (verb, path) = schema.rule(&method);
        let operation = &document["paths"][&path][verb.as_str().to_lowercase()];
        assert!(operation["summary"].as_str().is_some_and(|text| text.len() > 10), "{path}: {operation}");
        assert!(operation["responses"]["200"]["content"]["application/json"]["schema"]["$ref"].is_string());
        count += 1;
    }
    let described =
        document["paths"].as_object().unwrap().values().map(|item| item.as_object().unwrap().len());
    assert_eq!(described.sum::<usize>(), count, "and nothing else is");
    let security = |path: &str, verb: &str| document["paths"][path][verb]["security"].clone();
    assert_eq!(security("/v1/keys", "get"), json!([]));
    assert_eq!(security("/v1/greet", "get"), json!([{"bearer": []}, {"basic": []}]));
    assert_eq!(security("/v1/tokens", "post"), json!([{}, {"bearer": []}, {"basic": []}]));
    let schemas = &document["components"]["schemas"];
    assert_eq!(schemas["CreateUserRequest"]["properties"]["password"]["format"], "password");
    assert_eq!(schemas["TokenClaims"]["properties"]["epoch"]["type"], "string");
    let deletion = &document["paths"]["/v1/users/{user_id}:delete"]["post"];
    let body = &deletion["requestBody"]["content"]["application/json"]["schema"]["properties"];
    assert!(body.get("userId").is_none() && body.get("currentPassword").is_some(), "{body}");
    assert_eq!(deletion["parameters"][0]["in"], "path");
}

#[tokio::test]
async fn the_cookie_is_described_where_it_is_read_and_nowhere_else() {
    let document = document(false).await;
    let mut found = Vec::new();
    for item in document["paths"].as_object().unwrap().values() {
        for operation in item.as_object().unwrap().values() {
            let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
            let header = parameters.iter().find(|parameter| parameter["in"] == "header");
            let cookie = operation["responses"]["200"]["headers"].get("set-cookie");
            assert_eq!(header.is_some(), cookie.is_some(), "{operation}");
            if let Some(header) = header {
                assert_eq!(
                    (&header["name"], &header["required"]),
                    (&json!("x-countersign-cookie"), &json!(false))
                );
                assert_eq!(header["schema"]["const"], "refresh-token");
                found.push(operation["operationId"].as_str().unwrap().to_owned());
            }
        }
    }
    found.sort();
    assert_eq!(found, ["changePassword", "issueToken", "refreshToken", "revokeToken"]);
}

#[tokio::test]
async fn the_older_api_is_described_while_it_is_on() {
    assert!(document(false).await["paths"].get("/api/token").is_none());
    assert!(document(true).await["paths"]["/api/token"]["get"].is_object());
}

#[tokio::test]
async fn who_may_register_is_described_as_it_is() {
    for (registration, is_open) in [(Registration::Open, true), (Registration::Closed, false)] {
        let server = TestServer::start_with(|config| config.policy.registration = registration).await;
        let document: Value = Ask::get("/openapi.json").send(server.address).await.ok();
        let security = &document["paths"]["/v1/users"]["post"]["security"];
        assert_eq!(security.as_array().unwrap().contains(&json!({})), is_open, "{security}");
        let older = &document["paths"]["/api/users"]["post"]["security"];
        assert_eq!(*older == json!([]), is_open, "{older}");
        let tokens = &document["paths"]["/v1/tokens"]["post"]["security"];
        assert!(tokens.as_array().unwrap().contains(&json!({})), "a password in the body is enough");
    }
}

#[tokio::test]
async fn refusals_are_described_where_they_are_to_be_expected() {
    let document = document(false).await;
    for (path, verb, expected) in [
        ("/v1/keys", "get", &["200", "400", "429", "default"][..]),
        ("/v1/greet", "get", &["200", "400", "401", "403", "429", "default"]),
        ("/v1/users", "post", &["200", "400", "401", "403", "409", "429", "default"]),
        ("/v1/users/{user_id}", "get", &["200", "400", "401", "403", "404", "429", "default"]),
    ] {
        let responses = document["paths"][path][verb]["responses"].as_object().unwrap();
        assert_eq!(responses.keys().collect::<Vec<_>>(), expected, "{path}");
        assert_eq!(responses["429"]["$ref"], "#/components/responses/Error");
    }
}

#[tokio::test]
async fn a_span_of_time_is_never_described_as_less_than_none() {
    let document = document(false).await;
    for (message, field) in [("IssueTokenRequest", "lifetime"), ("RevokeTokenRequest", "waitForVerifiers")] {
        let pattern = &document["components"]["schemas"][message]["properties"][field]["pattern"];
        assert_eq!(pattern, r"^[0-9]+(\.[0-9]{1,9})?s$", "{message}.{field}");
    }
}

#[tokio::test]
async fn the_description_may_be_kept() {
    let server = TestServer::start().await;
    let first = Ask::get("/openapi.json").send(server.address).await;
    assert_eq!(first.header("cache-control"), Some("public, max-age=300"));
    let tag = first.header("etag").unwrap();
    let again = Ask::get("/openapi.json").header("if-none-match", tag).send(server.address).await;
    assert_eq!((again.status, again.body.len()), (304, 0));
    let wrong = Ask::new(Method::POST, "/openapi.json").send(server.address).await;
    assert_eq!((wrong.status, wrong.header("allow")), (405, Some("GET, HEAD, OPTIONS")));
}

/// An independent validator: the schema of OpenAPI 3.1 itself, references included.
#[test]
fn a_validator_of_somebody_elses_finds_nothing() {
    let Some(python) = tool("clients-python") else { return };
    let server = Binary::start(&[]);
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/openapi.py");
    let output =
        run(Command::new(python).arg(program).arg(format!("http://{}/openapi.json", server.address)), "");
    let (said, complained) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{complained}");
    assert_eq!(said.trim(), "valid OpenAPI 3.1: 19 operations");
    server.stop();
}
