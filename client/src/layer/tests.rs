//! Requests at a service behind the layer.

use std::convert::Infallible;
use std::future::{Ready, poll_fn, ready};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;
use std::{io, mem};

use countersign_verify::{AccessTable, Claims};
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue, Request, Response};
use tonic::Status;
use tonic::body::Body;
use tonic_types::StatusExt;
use tower_layer::Layer;
use tower_service::Service;
use uuid::Uuid;

use super::{AuthLayer, AuthService, RulesError};
use crate::verifier::TestTrust;
use crate::{Caller, WhenStale};

/// Answers with the name of its caller.
#[derive(Clone)]
struct WhoCalls;

impl Service<Request<Body>> for WhoCalls {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let caller = request.extensions().get::<Caller>();
        let name = caller.map_or("nobody", Caller::username);
        let mut response = Response::new(Body::empty());
        response.headers_mut().insert("x-caller", HeaderValue::from_str(name).unwrap());
        ready(Ok(response))
    }
}

/// A request, by its path and its `authorization`.
fn request(path: &str, authorization: Option<&str>) -> Request<Body> {
    let mut request = Request::new(Body::empty());
    *request.uri_mut() = path.parse().unwrap();
    request.headers_mut().insert("content-type", HeaderValue::from_static("application/grpc"));
    if let Some(value) = authorization {
        request.headers_mut().insert(AUTHORIZATION, HeaderValue::from_str(value).unwrap());
    }
    request
}

async fn send(service: &mut AuthService<WhoCalls>, request: Request<Body>) -> String {
    poll_fn(|cx| service.poll_ready(cx)).await.unwrap();
    let response = service.call(request).await.unwrap();
    match response.headers().get("x-caller") {
        Some(name) => name.to_str().unwrap().to_owned(),
        None => reason(response.headers()),
    }
}

fn reason(trailers: &HeaderMap) -> String {
    let status = Status::from_header_map(trailers).unwrap();
    status.get_error_details().error_info().unwrap().reason.clone()
}

/// Whom the service takes for the caller, or the reason of the refusal.
async fn answer(layer: &AuthLayer, path: &str, authorization: Option<&str>) -> String {
    send(&mut layer.layer(WhoCalls), request(path, authorization)).await
}

fn bearer(trust: &TestTrust, claims: &Claims) -> String {
    format!("Bearer {}", trust.token(claims))
}

/// A field of a message on the wire, shorter than 128 bytes.
fn field(number: u32, content: &[u8]) -> Vec<u8> {
    let mut key = number << 3 | 2;
    let mut bytes = Vec::new();
    while key >= 0x80 {
        bytes.push(key.to_le_bytes()[0] | 0x80);
        key >>= 7;
    }
    bytes.push(key.to_le_bytes()[0]);
    bytes.push(u8::try_from(content.len()).unwrap());
    [bytes, content.to_vec()].concat()
}

/// The methods of the service `a.S`, each with the bytes of its `(auth.v1.access)`.
fn table(methods: &[(&str, Vec<u8>)]) -> AccessTable {
    let methods = methods.iter().map(|(name, access)| {
        let options = field(4, &field(50617, access));
        field(2, &[field(1, name.as_bytes()), options].concat())
    });
    let service = [field(1, b"S"), methods.collect::<Vec<_>>().concat()].concat();
    let file = [field(2, b"a"), field(6, &service)].concat();
    AccessTable::parse(&field(1, &file), &["a.S"]).unwrap()
}

/// One method of each kind.
fn rules() -> AccessTable {
    let editors = field(2, b"editor");
    table(&[
        ("Ignored", vec![8, 1]),
        ("Optional", vec![8, 2]),
        ("Required", vec![8, 3]),
        ("Editors", [vec![8, 3], editors.clone()].concat()),
        ("Self", [vec![8, 3], editors, vec![24, 1]].concat()),
    ])
}

#[tokio::test]
async fn every_request_needs_a_good_token() {
    let trust = TestTrust::new(WhenStale::Refuse);
    let layer = AuthLayer::new(trust.verifier.clone());
    let claims = trust.claims();
    let answer = async |authorization: Option<&str>| answer(&layer, "/any?query", authorization).await;
    assert_eq!(answer(Some(&bearer(&trust, &claims))).await, "alice");
    assert_eq!(answer(None).await, "CREDENTIALS_MISSING");
    assert_eq!(answer(Some("Basic YTpi")).await, "CREDENTIALS_INVALID");
    assert_eq!(answer(Some("Bearer garbage")).await, "TOKEN_INVALID");
    let foreign = Claims { audience: "billing".into(), ..claims.clone() };
    assert_eq!(answer(Some(&bearer(&trust, &foreign))).await, "TOKEN_INVALID");
    trust.revoke_session(claims.session_id);
    assert_eq!(answer(Some(&bearer(&trust, &claims))).await, "TOKEN_REVOKED");
    let other = Claims { session_id: Uuid::from_u128(4), ..claims };
    let token = bearer(&trust, &other);
    trust.turn(Duration::from_millis(30_001));
    assert_eq!(answer(Some(&token)).await, "TRUST_STALE");
    trust.turn(Duration::from_secs(600));
    assert_eq!(answer(Some(&token)).await, "TOKEN_EXPIRED");
}

#[tokio::test]
async fn one_of_several_roles_is_enough() {
    let trust = TestTrust::new(WhenStale::Refuse);
    let token = bearer(&trust, &trust.claims());
    let layer = AuthLayer::new(trust.verifier.clone()).require_role("editor");
    assert_eq!(answer(&layer, "/", Some(&token)).await, "ROLE_REQUIRED");
    assert_eq!(answer(&layer.require_role("service"), "/", Some(&token)).await, "alice");
}

#[tokio::test]
async fn every_method_needs_what_its_option_says() {
    let trust = TestTrust::new(WhenStale::Refuse);
    let layer = AuthLayer::with_rules(trust.verifier.clone(), rules()).unwrap();
    let service = bearer(&trust, &trust.claims());
    let editor = bearer(&trust, &Claims { roles: vec!["editor".into()], ..trust.claims() });
    for (method, absent, garbage, as_service, as_editor) in [
        ("Ignored", "nobody", "nobody", "nobody", "nobody"),
        ("Optional", "nobody", "TOKEN_INVALID", "alice", "alice"),
        ("Required", "CREDENTIALS_MISSING", "TOKEN_INVALID", "alice", "alice"),
        ("Editors", "CREDENTIALS_MISSING", "TOKEN_INVALID", "ROLE_REQUIRED", "alice"),
        ("Self", "CREDENTIALS_MISSING", "TOKEN_INVALID", "alice", "alice"),
    ] {
        let path = format!("/a.S/{method}");
        assert_eq!(answer(&layer, &path, None).await, absent, "{method}");
        assert_eq!(answer(&layer, &path, Some("Bearer garbage")).await, garbage, "{method}");
        assert_eq!(answer(&layer, &path, Some(&service)).await, as_service, "{method}");
        assert_eq!(answer(&layer, &path, Some(&editor)).await, as_editor, "{method}");
    }
}

#[tokio::test]
async fn a_rule_that_asks_for_a_client_certificate_stops_the_building() {
    let trust = TestTrust::new(WhenStale::Refuse);
    let methods = table(&[("Open", vec![8, 1]), ("Shown", vec![8, 3, 32, 1]), ("Bare", vec![8, 1, 32, 1])]);
    let refused = AuthLayer::with_rules(trust.verifier.clone(), methods).err().unwrap();
    let asking = vec!["/a.S/Bare".to_owned(), "/a.S/Shown".to_owned()];
    assert_eq!(refused, RulesError::ClientCertificate(asking));
    assert!(refused.to_string().contains("/a.S/Bare, /a.S/Shown"), "{refused}");
}

#[tokio::test]
async fn a_role_for_all_is_asked_beside_the_methods_own_and_of_callers_alone() {
    let trust = TestTrust::new(WhenStale::Refuse);
    let layer = AuthLayer::with_rules(trust.verifier.clone(), rules()).unwrap().require_role("service");
    let editor = bearer(&trust, &Claims { roles: vec!["editor".into()], ..trust.claims() });
    let both = bearer(&trust, &Claims { roles: vec!["editor".into(), "service".into()], ..trust.claims() });
    assert_eq!(answer(&layer, "/a.S/Optional", None).await, "nobody");
    for method in ["/a.S/Optional", "/a.S/Editors", "/a.S/Self"] {
        assert_eq!(answer(&layer, method, Some(&editor)).await, "ROLE_REQUIRED", "{method}");
        assert_eq!(answer(&layer, method, Some(&both)).await, "alice", "{method}");
    }
}

#[tokio::test]
async fn what_is_not_byte_for_byte_the_path_of_a_method_is_unknown() {
    let trust = TestTrust::new(WhenStale::Refuse);
    let layer = AuthLayer::with_rules(trust.verifier.clone(), rules()).unwrap();
    let token = bearer(&trust, &trust.claims());
    for path in ["/a.S/Ignored?", "/a.S/Ignored?x", "/a.S/Ignored/", "/a.S/ignored", "/a.S/%49gnored", "/"] {
        assert_eq!(answer(&layer, path, Some(&token)).await, "METHOD_UNKNOWN", "{path}");
    }
}

#[tokio::test]
async fn health_and_reflection_are_open_until_they_are_refused() {
    let trust = TestTrust::new(WhenStale::Refuse);
    let open = AuthLayer::with_rules(trust.verifier.clone(), rules()).unwrap();
    let closed = open.clone().refuse_health_and_reflection();
    for path in [
        "/grpc.health.v1.Health/Check",
        "/grpc.health.v1.Health/Watch",
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
        "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
    ] {
        assert_eq!(answer(&open, path, None).await, "nobody");
        assert_eq!(answer(&closed, path, None).await, "METHOD_UNKNOWN");
    }
    assert_eq!(answer(&closed, "/a.S/Ignored", None).await, "nobody");
}

#[tokio::test]
async fn a_caller_that_comes_from_elsewhere_is_no_caller() {
    let trust = TestTrust::new(WhenStale::Refuse);
    let smuggled = Claims { name: "mallory".into(), ..trust.claims() };
    let smuggled = trust.verifier.verify(&trust.token(&smuggled)).unwrap();
    let mut service = AuthLayer::with_rules(trust.verifier.clone(), rules()).unwrap().layer(WhoCalls);
    let token = bearer(&trust, &trust.claims());
    for (path, authorization, caller) in [
        ("/a.S/Ignored", None, "nobody"),
        ("/a.S/Optional", None, "nobody"),
        ("/a.S/Optional", Some(token.as_str()), "alice"),
        ("/a.S/Required", Some(token.as_str()), "alice"),
    ] {
        let mut request = request(path, authorization);
        request.extensions_mut().insert(smuggled.clone());
        assert_eq!(send(&mut service, request).await, caller, "{path}");
    }
}

/// What is written at a level, on this thread.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn listen(&self, level: tracing::Level) -> tracing::subscriber::DefaultGuard {
        let log = self.clone();
        let written = tracing_subscriber::fmt().with_max_level(level).with_writer(move || log.clone());
        tracing::subscriber::set_default(written.without_time().with_ansi(false).finish())
    }

    /// What has been written since the last look.
    fn lines(&self) -> String {
        String::from_utf8(mem::take(&mut self.0.lock().unwrap())).unwrap()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn why_a_request_was_refused_is_told_to_who_debugs_the_service_and_never_what_it_presented() {
    let (trust, log) = (TestTrust::new(WhenStale::Refuse), Log::default());
    let layer = AuthLayer::with_rules(trust.verifier.clone(), rules()).unwrap();
    let good = bearer(&trust, &trust.claims());
    let foreign = bearer(&trust, &Claims { audience: "billing".into(), ..trust.claims() });
    let unknown = format!("Bearer {}", trust.token_by(3, &trust.claims()));
    let key_id = trust.verifier.verify(good.trim_start_matches("Bearer ")).unwrap().key_id().to_string();

    let _listening = log.listen(tracing::Level::DEBUG);
    for (path, authorization, expected, names_key) in [
        (
            "/a.S/Required",
            Some(&*foreign),
            "reason=\"TOKEN_INVALID\" defect=Audience method=\"/a.S/Required\"",
            true,
        ),
        ("/a.S/Required", Some(&unknown), "reason=\"TOKEN_INVALID\" defect=UnknownKey", false),
        ("/a.S/Required", Some("Basic YWxpY2U6c2VjcmV0"), "reason=\"CREDENTIALS_INVALID\" method", false),
        ("/a.S/Required", None, "reason=\"CREDENTIALS_MISSING\" method", false),
        ("/a.S/Editors", Some(&good), "reason=\"ROLE_REQUIRED\" method=\"/a.S/Editors\"", true),
        ("/a.S/Nothing?secret", Some(&good), "reason=\"METHOD_UNKNOWN\" method=\"/a.S/Nothing\"", false),
    ] {
        answer(&layer, path, authorization).await;
        let lines = log.lines();
        assert!(lines.contains(expected) && lines.lines().count() == 1, "{lines}");
        assert_eq!(lines.contains(&key_id), names_key, "{lines}");
        for secret in ["v4.public", "YWxpY2U6c2VjcmV0", "secret"] {
            assert!(!lines.contains(secret), "{lines}");
        }
    }
    trust.turn(Duration::from_millis(30_001));
    answer(&layer, "/a.S/Required", Some(&good)).await;
    assert!(log.lines().contains("reason=\"TRUST_STALE\""), "asked, and still refused");
    answer(&layer, &format!("/{}", "x".repeat(9999)), None).await;
    assert!(log.lines().len() < 500);
}

#[tokio::test]
async fn who_does_not_debug_is_told_of_no_stranger_and_of_no_caller() {
    let (trust, log) = (TestTrust::new(WhenStale::Refuse), Log::default());
    let layer = AuthLayer::new(trust.verifier.clone());
    let listening = log.listen(tracing::Level::INFO);
    answer(&layer, "/", None).await;
    drop(listening);
    let _listening = log.listen(tracing::Level::DEBUG);
    answer(&layer, "/", Some(&bearer(&trust, &trust.claims()))).await;
    assert_eq!(log.lines(), "");
}
