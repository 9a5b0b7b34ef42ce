//! The host that a request asks for. Whoever has a domain may point its name at this machine, and has then a page there that a
//! browser takes for one of this server's own.

use countersign::web::WebOrigin;
use http::Request;
use http_body_util::Full;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::harness::{Binary, HttpAnswer, HttpVersion, PASSWORD, TestServer, http, http_exchange};
use crate::rest::{Ask, refused_field};

async fn server() -> TestServer {
    TestServer::start_with(|config| {
        config.web.cors_origins = vec![WebOrigin::parse("https://auth.example").unwrap()];
    })
    .await
}

/// Registers as a page does that came from `host`.
async fn sign_up(server: &TestServer, name: &str, scheme: &str, host: &str) -> HttpAnswer {
    let origin = format!("{scheme}://{host}");
    let headers = [("origin", &*origin), ("host", host), ("content-type", "application/json")];
    let body = format!(r#"{{"username":"{name}","password":"{PASSWORD}"}}"#);
    http(server.address, ("POST", "/v1/users"), &headers, body).await
}

#[tokio::test]
async fn a_page_under_a_name_that_somebody_points_at_this_machine_does_nothing_here() {
    let server = server().await;
    let port = server.address.port();
    for (number, (scheme, host, allowed)) in [
        ("http", format!("evil.example:{port}"), false),
        ("http", format!("127.0.0.1.evil.example:{port}"), false),
        ("http", format!("10.0.0.7:{port}"), false),
        ("http", format!("127.0.0.1:{port}"), true),
        ("http", format!("localhost:{port}"), true),
        ("http", format!("app.localhost:{port}"), true),
        ("http", format!("[::1]:{port}"), true),
        // What is in front of this server speaks TLS for it there.
        ("https", "auth.example".to_owned(), true),
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("user{number}");
        let answer = sign_up(&server, &name, scheme, &host).await;
        assert_eq!(answer.status.as_u16(), if allowed { 200 } else { 403 }, "{host}");
        let taken = server.client().await.create_user(&name, PASSWORD).await;
        assert_eq!(taken.is_err(), allowed, "{host}: refused means that nothing was done");
    }
    let refusal = sign_up(&server, "eve", "http", &format!("evil.example:{port}")).await;
    let said = String::from_utf8(refusal.body.to_vec()).unwrap();
    assert!(said.contains("ORIGIN_REFUSED") && said.contains("--cors-origins"), "{said}");
}

/// What a page reads from where it came carries no origin; over plain HTTP, browsers say no more of where that is.
#[tokio::test]
async fn such_a_page_reads_nothing_and_programs_may_use_any_name() {
    let server = server().await;
    let get = async |more: Option<(&str, &str)>| {
        let headers: Vec<_> = [("host", "evil.example")].into_iter().chain(more).collect();
        http(server.address, ("GET", "/v1/keys"), &headers, "").await.status.as_u16()
    };
    for header in [
        ("accept-language", "en"),
        ("sec-fetch-site", "same-origin"),
        ("sec-fetch-mode", "cors"),
        ("origin", "http://evil.example"),
    ] {
        assert_eq!(get(Some(header)).await, 403, "{header:?}");
    }
    assert_eq!(get(None).await, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_listener_that_others_reach_goes_by_the_name_that_it_is_asked_by() {
    for (listen, expected) in [("127.0.0.1:0", 403), ("0.0.0.0:0", 200)] {
        let server = Binary::start(&["--listen", listen, "--insecure"]);
        let headers = [("host", "auth.example"), ("origin", "http://auth.example")];
        let address = ([127, 0, 0, 1], server.address.port()).into();
        let answer = http(address, ("GET", "/v1/keys"), &headers, "").await;
        assert_eq!(answer.status.as_u16(), expected, "{listen}");
        server.stop();
    }
}

async fn raw(server: &TestServer, version: &str, target: &str, hosts: &[&str]) -> String {
    let hosts: String = hosts.iter().map(|host| format!("host: {host}\r\n")).collect();
    let request = format!("GET {target} {version}\r\n{hosts}connection: close\r\n\r\n");
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

/// RFC 9112, sections 3.2 and 3.2.2.
#[tokio::test]
async fn http_1_1_names_its_host_once() {
    let server = server().await;
    let absolute = format!("http://{}/v1/keys", server.address);
    for (target, hosts) in [
        ("/v1/keys", &[][..]),
        ("/v1/keys", &["a", "a"]),
        ("/v1/keys", &["a, b"]),
        ("/v1/keys", &[""]),
        ("/v1/keys", &["a b"]),
        ("/", &[]),
        (&absolute, &[]),
    ] {
        let answer = raw(&server, "HTTP/1.1", target, hosts).await;
        assert!(
            answer.starts_with("HTTP/1.1 400 ") && answer.contains("FIELD_INVALID"),
            "{hosts:?}: {answer}"
        );
    }
    for (version, target, hosts) in [
        ("HTTP/1.1", "/v1/keys", &["a"][..]),
        ("HTTP/1.1", &absolute, &["another"]),
        ("HTTP/1.0", "/v1/keys", &[]),
    ] {
        let answer = raw(&server, version, target, hosts).await;
        assert!(answer.contains(" 200 OK\r\n"), "{version} {target}: {answer}");
    }
    assert_eq!(
        Ask::get("/v1/keys").header("host", "a/b").send(server.address).await.refused(),
        refused_field("host")
    );
}

/// RFC 9113, section 8.3.1: whoever is in front of a server may have looked at the one, and the server at the other.
#[tokio::test]
async fn in_http_2_the_host_is_the_authority_or_nothing() {
    let server = server().await;
    let own = server.address.to_string();
    for (host, expected) in [(None, 200), (Some(own.as_str()), 200), (Some("evil.example"), 400)] {
        let mut request = Request::get("/v1/keys");
        if let Some(host) = host {
            request = request.header("host", host);
        }
        let request = request.body(Full::default()).unwrap();
        let answer = http_exchange(server.address, HttpVersion::Two, request).await;
        assert_eq!(answer.status.as_u16(), expected, "{host:?}");
    }
}
