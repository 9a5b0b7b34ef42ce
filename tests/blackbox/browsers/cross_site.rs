//! Pages of other origins: refused, unless they are listed; then told so in the headers that browsers want.

use countersign::pb::auth::v1 as pb;
use countersign::web::WebOrigin;
use http::Request;
use http_body_util::Full;
use prost::Message;

use super::{call, frame, outcome};
use crate::harness::{
    HttpAnswer, HttpVersion, PASSWORD, Refused, TestServer, basic_header, http, http_exchange, refused,
};

const SHOP: &str = "https://shop.example";
const EVIL: &str = "https://evil.example";

async fn server() -> TestServer {
    TestServer::start_with(|config| {
        config.web.cors_origins = vec![WebOrigin::parse(SHOP).unwrap()];
    })
    .await
}

async fn create(server: &TestServer, name: &str, headers: &[(&str, &str)]) -> HttpAnswer {
    let message = pb::CreateUserRequest { username: name.to_owned(), password: PASSWORD.to_owned() };
    call(server, "CreateUser", headers, &message).await
}

async fn preflight(server: &TestServer, origin: &str) -> HttpAnswer {
    let headers = [
        ("origin", origin),
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", "authorization,content-type,x-grpc-web"),
    ];
    http(server.address, ("OPTIONS", "/auth.v1.AuthService/CreateUser"), &headers, "").await
}

#[tokio::test]
async fn a_page_of_an_origin_that_is_not_listed_does_nothing_here() {
    let server = server().await;
    let own = format!("http://{}", server.address);
    let scheme_and_port = format!("https://{}", server.address);
    for (number, (headers, allowed)) in [
        (vec![("origin", EVIL)], false),
        (vec![("origin", "null")], false),
        (vec![("origin", "http://127.0.0.1:1")], false),
        (vec![("origin", EVIL), ("sec-fetch-site", "same-origin")], false),
        (vec![("sec-fetch-site", "cross-site")], false),
        (vec![("sec-fetch-site", "same-site"), ("sec-fetch-mode", "navigate")], false),
        (vec![("origin", SHOP), ("sec-fetch-site", "cross-site")], true),
        (vec![("origin", &*own), ("sec-fetch-site", "same-origin")], true),
        (vec![("origin", &*scheme_and_port)], true),
        (vec![("sec-fetch-site", "same-origin")], true),
        (vec![("sec-fetch-site", "none")], true),
        (vec![], true),
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("user{number}");
        let answer = create(&server, &name, &headers).await;
        assert_eq!(answer.status.as_u16(), if allowed { 200 } else { 403 }, "{headers:?}");
        let taken = server.client().await.create_user(&name, PASSWORD).await;
        assert_eq!(taken.is_err(), allowed, "{headers:?}: refused means that nothing was done");
    }
    let answer = create(&server, "eve", &[("origin", EVIL)]).await;
    let said = String::from_utf8(answer.body.to_vec()).unwrap();
    assert!(said.contains("ORIGIN_REFUSED") && said.contains("--cors-origins"), "{said}");
    assert!(said.contains("RequestInfo") && !answer.header("x-request-id").is_empty(), "{said}");
    assert_eq!(answer.header("access-control-allow-origin"), "");
}

#[tokio::test]
async fn a_listed_page_reads_answers_and_refusals() {
    let server = server().await;
    let asked = preflight(&server, SHOP).await;
    assert!(asked.status.is_success());
    assert_eq!(asked.header("access-control-allow-origin"), SHOP);
    assert!(asked.header("access-control-allow-methods").contains("DELETE"));
    for name in ["authorization", "content-type", "x-grpc-web"] {
        assert!(asked.header("access-control-allow-headers").contains(name), "{name}");
    }
    assert_eq!(asked.header("access-control-allow-credentials"), "", "a listed page brings a token");

    let answer = call(&server, "Greet", &[("origin", SHOP)], &pb::GreetRequest {}).await;
    assert_eq!(answer.header("access-control-allow-origin"), SHOP);
    for name in ["grpc-status", "grpc-message", "grpc-status-details-bin", "x-request-id"] {
        assert!(answer.header("access-control-expose-headers").contains(name), "{name}");
    }
    let refusal = outcome::<pb::GreetResponse>(&answer).unwrap_err();
    assert_eq!(refused(&refusal), Refused::unauthenticated("CREDENTIALS_MISSING"));
    // A cache must not give to one page what was told to another.
    assert!(answer.header("vary").to_ascii_lowercase().contains("origin"));
}

#[tokio::test]
async fn another_page_is_refused_when_it_asks_beforehand() {
    let server = server().await;
    for origin in [EVIL, "null"] {
        let asked = preflight(&server, origin).await;
        assert_eq!((asked.status.as_u16(), asked.header("access-control-allow-origin")), (403, ""));
    }
    let nobody_listed = TestServer::start().await;
    assert_eq!(preflight(&nobody_listed, SHOP).await.status.as_u16(), 403);
}

/// What a browser can be made to send: with a remembered password, by a form, by a link, by a script.
const REQUESTS: [(&str, &str, &str, &str); 9] = [
    ("GET", "/v1/greet", "", ""),
    ("HEAD", "/v1/greet", "", ""),
    ("GET", "/api/resource", "", ""),
    ("GET", "/api/token", "", ""),
    (
        "POST",
        "/api/users",
        "application/x-www-form-urlencoded",
        "username=eve&password=correct+horse+battery",
    ),
    ("POST", "/v1/tokens", "application/json", "{}"),
    ("POST", "/v1/tokens", "text/plain", "{}"),
    ("DELETE", "/v1/sessions/0193b4a0-5f6e-7c3a-8d5e-1f2a3b4c5d6e", "", ""),
    ("POST", "/auth.v1.AuthService/Greet", "application/grpc-web", "\0\0\0\0\0"),
];

#[tokio::test]
async fn who_may_send_is_decided_alike_for_every_request_that_a_browser_makes() {
    let server = server().await;
    server.client().await.create_user("alice", PASSWORD).await.unwrap();
    let own = format!("http://{}", server.address);
    let basic = basic_header("alice", PASSWORD);
    let origins = [None, Some(own.as_str()), Some(SHOP), Some(EVIL), Some("null")];
    let sites = [None, Some("same-origin"), Some("none"), Some("same-site"), Some("cross-site")];
    for (method, path, content_type, body) in REQUESTS {
        for (origin, site) in origins.into_iter().flat_map(|origin| sites.map(|site| (origin, site))) {
            for (mode, password) in
                [("cors", true), ("no-cors", true), ("navigate", true), ("navigate", false)]
            {
                let mut headers = vec![("sec-fetch-mode", mode)];
                headers.extend(origin.map(|origin| ("origin", origin)));
                headers.extend(site.map(|site| ("sec-fetch-site", site)));
                if !content_type.is_empty() {
                    headers.push(("content-type", content_type));
                }
                if password {
                    headers.push(("authorization", &basic));
                }
                let answer = http(server.address, (method, path), &headers, body).await;
                let foreign = match origin {
                    Some(origin) => origin == EVIL || origin == "null",
                    None => matches!(site, Some("same-site" | "cross-site")),
                };
                let refused = answer.status == 403
                    && (method == "HEAD" || answer.body.windows(14).any(|part| part == b"ORIGIN_REFUSED"));
                assert_eq!(refused, foreign, "{method} {path} {headers:?}: {answer:?}");
                let readable = answer.header("access-control-allow-origin") == SHOP;
                assert_eq!(readable, origin == Some(SHOP), "{method} {path} {headers:?}: {answer:?}");
            }
        }
    }
}

#[tokio::test]
async fn anybody_may_link_to_the_pages_and_nobody_may_embed_them() {
    let server = server().await;
    let page = async |mode: &str| {
        let headers = [("sec-fetch-site", "cross-site"), ("sec-fetch-mode", mode)];
        http(server.address, ("GET", "/"), &headers, "").await
    };
    let linked = page("navigate").await;
    assert_eq!(linked.status.as_u16(), 200);
    assert!(linked.header("content-security-policy").contains("frame-ancestors 'none'"));
    assert_eq!(page("no-cors").await.status.as_u16(), 403);
}

/// A gateway makes native gRPC of what browsers send, and hands on what they say of where it comes from.
#[tokio::test]
async fn what_a_gateway_makes_of_a_foreign_page_is_refused_as_well() {
    let server = server().await;
    let own = format!("http://{}", server.address);
    for (number, (headers, allowed)) in [
        (vec![("origin", EVIL)], false),
        (vec![("origin", "null")], false),
        (vec![("sec-fetch-site", "cross-site")], false),
        (vec![("origin", SHOP), ("sec-fetch-site", "cross-site")], true),
        (vec![("origin", &*own)], true),
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("user{number}");
        let message = pb::CreateUserRequest { username: name.clone(), password: PASSWORD.to_owned() };
        let mut request = Request::post("/auth.v1.AuthService/CreateUser")
            .header("content-type", "application/grpc")
            .header("te", "trailers");
        for (name, value) in &headers {
            request = request.header(*name, *value);
        }
        let body = Full::from(frame(&message.encode_to_vec()));
        let answer = http_exchange(server.address, HttpVersion::Two, request.body(body).unwrap()).await;
        assert_eq!(answer.status.as_u16(), if allowed { 200 } else { 403 }, "{headers:?}");
        let taken = server.client().await.create_user(&name, PASSWORD).await;
        assert_eq!(taken.is_err(), allowed, "{headers:?}: refused means that nothing was done");
    }
}
