//! A method as an operation of OpenAPI.

use prost_reflect::{ExtensionDescriptor, MethodDescriptor};
use serde_json::{Value, json};

use super::comments;
use super::schemas::Schemas;
use crate::domain::Registration;
use crate::grpc::refresh_cookie;
use crate::rest::route::Route;

/// What a request may look like, for whom it helps.
const EXAMPLES: [(&str, &str); 3] = [
    ("CreateUser", r#"{"username": "alice", "password": "correct horse battery"}"#),
    ("IssueToken", r#"{"username": "alice", "password": "correct horse battery", "lifetime": "600s"}"#),
    ("ChangePassword", r#"{"currentPassword": "correct horse battery", "newPassword": "a second battery"}"#),
];

/// The method that takes an admin while registration is closed.
const REGISTERS: &str = "CreateUser";

/// Who may call what.
pub(in crate::rest) struct Access {
    /// The option in which a method says it.
    pub(in crate::rest) option: ExtensionDescriptor,
    /// What its rule leaves open for one of them.
    pub(in crate::rest) registration: Registration,
}

/// Describes a route.
pub(super) fn describe(route: &Route, access: &Access, schemas: &mut Schemas) -> Value {
    let method = route.method();
    let comment = comments::of(&method.parent_file(), method.path());
    let security = security(method, access);
    let refusals = refusals(&comment, security != json!([]));
    let mut operation = json!({
        "operationId": lower_camel(method.name()),
        "tags": [method.parent_service().name()],
        "summary": comments::summary(&comment),
        "description": comment,
        "security": security,
        "responses": {
            "200": {
                "description": comments::of(&route.output().parent_file(), route.output().path()),
                "content": {"application/json": {"schema": schemas.message(&route.output())}},
            },
            "default": {"$ref": "#/components/responses/Error"},
        },
    });
    for status in refusals {
        operation["responses"][status] = json!({"$ref": "#/components/responses/Error"});
    }
    let parameters = parameters(route, schemas);
    if !parameters.is_empty() {
        operation["parameters"] = parameters.into();
    }
    if let Some((_, asks)) = cookie_methods().find(|(name, _)| *name == method.name()) {
        operation["responses"]["200"]["headers"] = set_cookie(asks);
    }
    if route.takes_body() {
        operation["requestBody"] = body(route, schemas);
    }
    operation
}

fn parameters(route: &Route, schemas: &mut Schemas) -> Vec<Value> {
    let in_path: Vec<&str> = route.template().variables().collect();
    let input = route.input();
    let fields = input.fields().filter(|field| in_path.contains(&field.name()) || !route.takes_body());
    let cookie = cookie_methods().find(|(name, _)| *name == route.method().name());
    let cookie = cookie.map(|(_, asks)| cookie_parameter(asks));
    let fields = fields.map(|field| {
        let required = in_path.contains(&field.name());
        // In a path, a field is called as in the proto; in a query, either way is understood.
        let name = if required { field.name() } else { field.json_name() };
        let mut schema = schemas.field(&field);
        let description = schema.as_object_mut().and_then(|schema| schema.remove("description"));
        json!({
            "name": name,
            "in": if required { "path" } else { "query" },
            "required": required,
            "description": description,
            "schema": schema,
        })
    });
    fields.chain(cookie).collect()
}

/// The methods that a page may have keep its refresh token in a cookie, and what that comes to for each.
fn cookie_methods() -> impl Iterator<Item = (&'static str, &'static str)> {
    let puts = "puts the refresh token into a cookie that no script can read, instead of the answer";
    [
        ("IssueToken", puts),
        ("ChangePassword", puts),
        (
            "RefreshToken",
            "takes the refresh token from the cookie if the body has none, and puts the next one there",
        ),
        (
            "RevokeToken",
            "takes the refresh token from the cookie if the body has no token, and removes the cookie",
        ),
    ]
    .into_iter()
}

fn cookie_parameter(asks: &str) -> Value {
    json!({
        "name": refresh_cookie::HEADER,
        "in": "header",
        "required": false,
        "description": format!("For pages of this server: {asks}."),
        "schema": {"type": "string", "const": refresh_cookie::REFRESH_TOKEN},
    })
}

fn set_cookie(asks: &str) -> Value {
    json!({"set-cookie": {
        "description": format!("With {} alone, which {asks}.", refresh_cookie::HEADER),
        "schema": {"type": "string", "examples": [refresh_cookie::example()]},
    }})
}

fn body(route: &Route, schemas: &mut Schemas) -> Value {
    let in_path: Vec<&str> = route.template().variables().collect();
    let input = route.input();
    let schema = if in_path.is_empty() { schemas.message(&input) } else { schemas.object(&input, &in_path) };
    let mut content = json!({"schema": schema});
    let example = EXAMPLES.iter().find(|(name, _)| *name == route.method().name());
    if let Some(example) = example.and_then(|(_, text)| serde_json::from_str::<Value>(text).ok()) {
        content["example"] = example;
    }
    json!({"content": {"application/json": content}})
}

/// The statuses of the refusals that a client has to expect: of every method, of those that look at credentials, and those
/// whose codes its comment has.
fn refusals(comment: &str, with_credentials: bool) -> Vec<&'static str> {
    let told = |codes: &[&str]| codes.iter().any(|code| comment.contains(code));
    let statuses = [
        ("400", true),
        ("401", with_credentials),
        ("403", with_credentials),
        ("404", told(&["NOT_FOUND"])),
        ("409", told(&["ALREADY_EXISTS", "ABORTED"])),
        ("429", true),
    ];
    statuses.into_iter().filter_map(|(status, there)| there.then_some(status)).collect()
}

/// What a method's access rule asks for. An empty object is nothing.
fn security(method: &MethodDescriptor, access: &Access) -> Value {
    let Access { option: access, registration } = access;
    let options = method.options();
    let rule = options.get_extension(access);
    let credentials = rule.as_message().and_then(|rule| rule.get_field_by_name("credentials"));
    let number = credentials.and_then(|value| value.as_enum_number()).unwrap_or_default();
    let descriptor = access.kind();
    let named = descriptor.as_message().and_then(|rule| rule.get_field_by_name("credentials"));
    let kind = named.map(|field| field.kind());
    let value = kind.as_ref().and_then(|kind| kind.as_enum()?.get_value(number));
    match value.as_ref().map(|value| value.name()) {
        Some("CREDENTIALS_IGNORED") => json!([]),
        Some("CREDENTIALS_OPTIONAL")
            if method.name() == REGISTERS && *registration == Registration::Closed =>
        {
            json!([{"bearer": []}, {"basic": []}])
        }
        Some("CREDENTIALS_OPTIONAL") => json!([{}, {"bearer": []}, {"basic": []}]),
        Some("CREDENTIALS_TOKEN_ONLY") => json!([{"bearer": []}]),
        _ => json!([{"bearer": []}, {"basic": []}]),
    }
}

fn lower_camel(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map(|first| first.to_ascii_lowercase()).into_iter().chain(letters).collect()
}
