//! Access rules from a descriptor set. Its bytes are written here field by field, with the numbers of
//! google/protobuf/descriptor.proto, so that a wrong number in the crate does not cancel itself out.

use countersign_verify::{AccessError, AccessRule, AccessTable, Credentials};

const ACCESS_OPTION: u64 = 50617;

fn varint(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push((number as u8) | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

fn number(field: u64, value: u64) -> Vec<u8> {
    [varint(field << 3), varint(value)].concat()
}

fn bytes(field: u64, value: impl AsRef<[u8]>) -> Vec<u8> {
    let value = value.as_ref();
    [varint(field << 3 | 2), varint(value.len() as u64), value.to_vec()].concat()
}

fn access(credentials: u64, roles: &[&str], acts_on_self: bool) -> Vec<u8> {
    let mut access = number(1, credentials);
    for role in roles {
        access.extend(bytes(2, role));
    }
    access.extend(number(3, acts_on_self.into()));
    // Another option before it (idempotency_level) and an extension that nobody here knows after it (google.api.http).
    [number(34, 1), bytes(ACCESS_OPTION, access), bytes(72_295_728, "\x12\x01/")].concat()
}

fn method(name: &str, options: Option<Vec<u8>>, streaming: Option<u64>) -> Vec<u8> {
    let mut method = [bytes(1, name), bytes(2, ".auth.v1.In"), bytes(3, ".auth.v1.Out")].concat();
    if let Some(options) = options {
        method.extend(bytes(4, options));
    }
    if let Some(side) = streaming {
        method.extend(number(side, 1));
    }
    method
}

fn service(name: &str, methods: &[Vec<u8>]) -> Vec<u8> {
    let mut service = bytes(1, name);
    for method in methods {
        service.extend(bytes(2, method));
    }
    service
}

fn file(package: &str, services: &[Vec<u8>]) -> Vec<u8> {
    let mut file = [bytes(1, "a.proto"), bytes(2, package)].concat();
    for service in services {
        file.extend(bytes(6, service));
    }
    bytes(1, [file, bytes(12, "proto3")].concat())
}

fn parse(set: &[u8]) -> Result<AccessTable, AccessError> {
    AccessTable::parse(set, &["auth.v1.AuthService"])
}

fn one(options: Option<Vec<u8>>) -> Result<AccessTable, AccessError> {
    parse(&file("auth.v1", &[service("AuthService", &[method("Greet", options, None)])]))
}

fn greet() -> Vec<String> {
    vec!["/auth.v1.AuthService/Greet".to_owned()]
}

#[test]
fn each_method_has_the_rule_that_is_written_beside_it() {
    let set = [
        file(
            "auth.v1",
            &[service(
                "AuthService",
                &[
                    method("GetUser", Some(access(3, &["admin", "service"], true)), None),
                    method("Greet", Some(access(1, &[], false)), None),
                ],
            )],
        ),
        file("", &[service("Plain", &[method("Call", Some(access(2, &[], false)), Some(5))])]),
        file("x", &[service("Other", &[method("Watch", Some(access(4, &["a"], false)), Some(6))])]),
    ]
    .concat();
    let table = AccessTable::parse(&set, &["auth.v1.AuthService", "Plain", "x.Other"]).unwrap();
    let rule = |credentials, roles: &[&str], acts_on_self| AccessRule {
        credentials,
        roles: roles.iter().map(|role| (*role).to_owned()).collect(),
        acts_on_self,
        client_certificate: false,
    };
    let rules: Vec<_> =
        table.iter().map(|method| (method.path.as_str(), method.rule.clone(), method.streaming)).collect();
    assert_eq!(
        rules,
        [
            ("/Plain/Call", rule(Credentials::Optional, &[], false), true),
            ("/auth.v1.AuthService/GetUser", rule(Credentials::Required, &["admin", "service"], true), false),
            ("/auth.v1.AuthService/Greet", rule(Credentials::Ignored, &[], false), false),
            ("/x.Other/Watch", rule(Credentials::TokenOnly, &["a"], false), true),
        ]
    );
    for method in table.iter() {
        assert_eq!(table.rule(&method.path), Some(method));
    }
}

#[test]
fn a_rule_can_ask_for_a_client_certificate_beside_anything_else() {
    for (field, asks) in [(4, true), (5, false)] {
        let access = [number(1, 1), number(field, 1)].concat();
        let table = one(Some(bytes(ACCESS_OPTION, access))).unwrap();
        let method = table.iter().next().unwrap();
        assert_eq!(method.rule.client_certificate, asks, "{field}");
    }
}

#[test]
fn only_the_exact_path_finds_a_rule() {
    let table = one(Some(access(1, &[], false))).unwrap();
    assert!(table.rule("/auth.v1.AuthService/Greet").is_some());
    for path in [
        "",
        "/",
        "auth.v1.AuthService/Greet",
        "//auth.v1.AuthService/Greet",
        "/auth.v1.AuthService//Greet",
        "/auth.v1.AuthService/Greet/",
        "/auth.v1.AuthService/greet",
        "/auth.v1.AuthService/Gree",
        "/auth.v1.AuthService/Greet2",
        "/auth.v1.AuthService/Greet?x",
        "/auth%2ev1.AuthService/Greet",
        "/./auth.v1.AuthService/Greet",
        "/auth.v2.AuthService/Greet",
    ] {
        assert_eq!(table.rule(path), None, "{path}");
    }
}

#[test]
fn a_method_without_a_rule_stops_the_start_and_all_are_named() {
    for options in [
        None,
        Some(Vec::new()),
        Some(number(34, 1)),
        Some(bytes(ACCESS_OPTION, "")),
        Some(access(0, &["admin"], false)),
        Some(access(5, &[], false)),
        // The rule of another extension is not ours.
        Some(bytes(ACCESS_OPTION + 1, number(1, 1))),
    ] {
        assert_eq!(one(options).unwrap_err(), AccessError::RuleAbsent(greet()));
    }
    let methods = [
        method("B", None, None),
        method("Greet", Some(access(1, &[], false)), None),
        method("A", Some(access(0, &[], false)), None),
    ];
    let error = parse(&file("auth.v1", &[service("AuthService", &methods)])).unwrap_err();
    assert_eq!(error.to_string(), "no access option: /auth.v1.AuthService/A, /auth.v1.AuthService/B");
}

#[test]
fn services_that_are_not_named_are_nobodys_business() {
    let set = file(
        "auth.v1",
        &[
            service("Bare", &[method("Greet", None, None)]),
            service("AuthService", &[method("Greet", Some(access(1, &[], false)), None)]),
        ],
    );
    let table = parse(&set).unwrap();
    assert_eq!(table.iter().count(), 1);
    assert_eq!(table.rule("/auth.v1.Bare/Greet"), None);
}

#[test]
fn a_named_service_must_be_there() {
    let set = file("auth.v1", &[service("AuthService", &[])]);
    assert_eq!(parse(&set).unwrap().iter().count(), 0);
    let error = AccessTable::parse(&set, &["auth.v1.AuthService", "AuthService", "b.B"]).unwrap_err();
    assert_eq!(error, AccessError::ServiceAbsent(vec!["AuthService".into(), "b.B".into()]));
    assert_eq!(parse(b"").unwrap_err(), AccessError::ServiceAbsent(vec!["auth.v1.AuthService".into()]));
}

#[test]
fn a_method_described_twice_has_no_rule() {
    let open = service("AuthService", &[method("Greet", Some(access(1, &[], false)), None)]);
    let closed = service("AuthService", &[method("Greet", Some(access(3, &[], false)), None)]);
    let set = [file("auth.v1", &[closed]), file("auth.v1", &[open])].concat();
    assert_eq!(parse(&set).unwrap_err(), AccessError::MethodRepeated(greet()));
}

#[test]
fn roles_without_credentials_would_guard_nothing() {
    for credentials in [1, 2] {
        let error = one(Some(access(credentials, &["admin"], false))).unwrap_err();
        assert_eq!(error, AccessError::RoleUnguarded(greet()));
    }
}

#[test]
fn bytes_that_are_no_descriptor_set_are_refused() {
    let set = file("auth.v1", &[service("AuthService", &[method("Greet", None, None)])]);
    for bytes in [&set[..set.len() - 1], b"\xff", b"\x0a\xff\xff\xff\xff\x0f"] {
        assert_eq!(parse(bytes).unwrap_err(), AccessError::Undecodable);
    }
}
