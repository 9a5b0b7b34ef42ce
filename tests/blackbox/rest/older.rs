//! The older API, as clients know it that were written for it.

use std::process::Command;
use std::time::Duration;

use http::Method;
use serde_json::json;

use super::ask::{Answer, Ask, Version, refused};
use crate::harness::{Binary, Credentials, PASSWORD, TestServer, tool};

/// What the older API says to who is not let in.
const CHALLENGE: &str = "Basic realm=\"Authentication Required\"";

fn said(answer: &Answer) -> (u16, String) {
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    (answer.status, String::from_utf8(answer.body.to_vec()).unwrap())
}

fn message(status: u16, text: &str) -> (u16, String) {
    (status, json!({"message": text}).to_string())
}

async fn sign_up(server: &TestServer, username: &str) -> String {
    let answer = Ask::post("/api/users", &json!({"username": username, "password": PASSWORD}));
    let answer = answer.send(server.address).await;
    assert_eq!(said(&answer), (201, json!({"username": username}).to_string()));
    answer.header("location").unwrap().to_owned()
}

#[tokio::test]
async fn a_user_is_made_with_json_a_form_or_a_query_and_found_where_location_says() {
    let server = TestServer::start().await;
    let place = sign_up(&server, "miguel").await;
    let form =
        Ask::new(Method::POST, "/api/users").header("content-type", "application/x-www-form-urlencoded");
    let answer = form.body("username=susan&password=correct+horse+battery").send(server.address).await;
    assert_eq!(said(&answer), (201, r#"{"username":"susan"}"#.to_owned()));
    let query = Ask::new(Method::POST, "/api/users?username=david&password=correct%20horse%20battery");
    assert_eq!(said(&query.send(server.address).await), (201, r#"{"username":"david"}"#.to_owned()));

    let basic = |name| Credentials::Basic(name, PASSWORD);
    for path in [place.clone(), place.replace("/users/", "/user/")] {
        let answer = Ask::get(&path).with(&basic("miguel")).send(server.address).await;
        assert_eq!(said(&answer), (200, r#"{"username":"miguel"}"#.to_owned()), "{path}");
    }
    let stranger = Ask::get(&place).send(server.address).await;
    assert_eq!((stranger.status, stranger.header("www-authenticate")), (401, Some(CHALLENGE)));
    let other = Ask::get(&place).with(&basic("susan")).send(server.address).await;
    assert_eq!(other.status, 403);
    server.admin("root").await;
    for id in ["1", "0193b4a0-5f6e-7c3a-8d5e-1f2a3b4c5d6e"] {
        let answer = Ask::get(&format!("/api/users/{id}")).with(&basic("root")).send(server.address).await;
        assert_eq!(said(&answer), message(400, "user not found"), "{id}");
    }
}

#[tokio::test]
async fn a_user_that_cannot_be_made_is_refused_as_ever() {
    let server = TestServer::start().await;
    sign_up(&server, "miguel").await;
    let post = |body| Ask::post("/api/users", &body).send(server.address);
    for body in [
        json!({}),
        json!({"username": "x"}),
        json!({"password": PASSWORD}),
        json!({"username": null, "password": "x"}),
    ] {
        assert_eq!(said(&post(body.clone()).await), message(400, "missing argument"), "{body}");
    }
    let taken = post(json!({"username": "Miguel", "password": PASSWORD})).await;
    assert_eq!(said(&taken), message(400, "existing user"));
    let short = said(&post(json!({"username": "x", "password": "python"})).await);
    assert!(short.0 == 400 && short.1.contains("password must"), "{short:?}");
    let text = Ask::new(Method::POST, "/api/users").header("content-type", "text/plain").body("username=a");
    assert_eq!(text.send(server.address).await.status, 415);
    let files =
        Ask::new(Method::POST, "/api/users").header("content-type", "multipart/form-data; boundary=x");
    let (status, told) = said(&files.body("--x--").send(server.address).await);
    let takes = ["application/json", "application/x-www-form-urlencoded"];
    assert!(status == 415 && takes.iter().all(|kind| told.contains(kind)), "{told}");
    let nonsense = Ask::new(Method::POST, "/api/users").header("content-type", "application/json").body("{");
    assert_eq!(said(&nonsense.send(server.address).await), message(400, "the body must be one JSON object"));
}

#[tokio::test]
async fn a_token_takes_the_place_of_the_name() {
    let server = TestServer::start().await;
    sign_up(&server, "miguel").await;
    for version in [Version::One, Version::Two] {
        let get = |path: &str, credentials: Credentials<'_>| {
            Ask::get(path).over(version).with(&credentials).send(server.address)
        };
        let answer = get("/api/token", Credentials::Basic("miguel", PASSWORD)).await.ok();
        assert_eq!(answer["duration"], 600);
        let token = answer["token"].as_str().unwrap();
        for credentials in [Credentials::Basic("miguel", PASSWORD), Credentials::Basic(token, "unused")] {
            let greeting = get("/api/resource", credentials).await;
            assert_eq!(said(&greeting), (200, r#"{"data":"Hello, miguel!"}"#.to_owned()));
        }
        let again = get("/api/token?expire=60", Credentials::Basic(token, "unused")).await.ok();
        assert_eq!(again["duration"], 60);
        for credentials in [
            Credentials::None,
            Credentials::Basic("miguel", "wrong"),
            Credentials::Basic("nobody", PASSWORD),
            Credentials::Basic("v4.public.x", "unused"),
        ] {
            for path in ["/api/token", "/api/resource"] {
                let refusal = get(path, credentials.clone()).await;
                assert_eq!((refusal.status, refusal.header("www-authenticate")), (401, Some(CHALLENGE)));
                assert!(refusal.json()["message"].is_string());
            }
        }
    }
}

#[tokio::test]
async fn a_lifetime_is_shortened_and_never_nothing() {
    let server = TestServer::start().await;
    sign_up(&server, "miguel").await;
    let get = |expire: &str| {
        let ask = Ask::get(&format!("/api/token?expire={expire}"));
        ask.with(&Credentials::Basic("miguel", PASSWORD)).send(server.address)
    };
    for (expire, duration) in [("60", 60), ("3600", 3600), ("100000", 3600), ("99999999999999999999", 3600)] {
        assert_eq!(get(expire).await.ok()["duration"], duration, "{expire}");
    }
    for expire in ["0", "-1", "00"] {
        assert_eq!(said(&get(expire).await), message(400, "expire must be more than zero"), "{expire}");
    }
    for expire in ["", "soon", "1.5", "%ff"] {
        assert_eq!(get(expire).await.status, 400, "{expire}");
    }
}

/// Its clients know nothing of sessions: one that outlived its token would pile up for a month.
#[tokio::test]
async fn a_session_of_the_older_api_ends_with_its_token() {
    let server = TestServer::start().await;
    sign_up(&server, "miguel").await;
    let basic = Credentials::Basic("miguel", PASSWORD);
    let issued = Ask::get("/api/token?expire=60").with(&basic).send(server.address).await.ok();
    assert!(issued.get("refreshToken").is_none());
    let client = server.client().await;
    let sessions = client.list_sessions(basic.clone(), "").await.unwrap();
    let [session] = &sessions[..] else { panic!("{sessions:?}") };
    let token = issued["token"].as_str().unwrap();
    let bearer = Credentials::Bearer(token);
    assert_eq!(client.caller(bearer.clone()).await.expire_time, session.expire_time);
    // Another token in the same session does not carry it on either.
    let longer = Ask::get("/api/token?expire=3600")
        .with(&Credentials::Basic(token, ""))
        .send(server.address)
        .await
        .ok();
    assert!(longer["duration"].as_i64().unwrap() <= 60, "{longer}");
    server.clock.advance(Duration::from_secs(60));
    assert!(client.list_sessions(basic.clone(), "").await.unwrap().is_empty());

    let renewable = client.open("miguel", PASSWORD).await;
    assert!(!renewable.refresh_token.is_empty(), "the API's own sessions are as they were");
}

/// What a wire may ask of the door, a client may not.
#[tokio::test]
async fn no_client_chooses_such_a_session_by_a_header() {
    let server = TestServer::start().await;
    sign_up(&server, "miguel").await;
    let mut ask = Ask::post("/v1/tokens", &json!({})).with(&Credentials::Basic("miguel", PASSWORD));
    for name in ["sessionendswithtoken", "session-ends-with-token", "x-countersign-session-ends-with-token"] {
        ask = ask.header(name, "true");
    }
    assert!(!ask.send(server.address).await.ok()["refreshToken"].as_str().unwrap().is_empty());
}

#[tokio::test]
async fn the_older_paths_tell_their_verbs() {
    let server = TestServer::start().await;
    for (path, wrong, allowed) in [
        ("/api/users", Method::GET, "POST, OPTIONS"),
        ("/api/users/1", Method::DELETE, "GET, HEAD, OPTIONS"),
        ("/api/token", Method::POST, "GET, OPTIONS"),
        // It would open a session whose token nobody gets.
        ("/api/token", Method::HEAD, "GET, OPTIONS"),
    ] {
        let answer = Ask::new(wrong, path).send(server.address).await;
        assert_eq!((answer.status, answer.header("allow")), (405, Some(allowed)), "{path}");
        let options = Ask::new(Method::OPTIONS, path).send(server.address).await;
        assert_eq!((options.status, options.header("allow")), (204, Some(allowed)), "{path}");
    }
    for path in ["/api/users/", "/api/users//1", "/api", "/api/", "/api/resource/", "/api/nope"] {
        let answer = Ask::get(path).send(server.address).await;
        assert_eq!(said(&answer), message(404, "there is no such path"), "{path}");
        assert!(answer.header("x-request-id").is_some(), "{path}");
    }
    let other = Ask::get("/apis").send(server.address).await;
    assert_eq!(other.refused(), refused(404, "METHOD_UNKNOWN"), "it is none of its paths");
}

#[tokio::test]
async fn the_older_api_that_is_off_is_not_there() {
    let server = TestServer::start_with(|config| config.older_api = false).await;
    for path in ["/api/users", "/api/users/1", "/api/user/1", "/api/token", "/api/resource"] {
        for verb in [Method::GET, Method::POST] {
            let answer = Ask::new(verb, path).send(server.address).await;
            assert_eq!(answer.refused(), refused(404, "METHOD_UNKNOWN"), "{path}");
        }
    }
}

#[test]
fn the_older_api_is_on_for_loopback_alone_and_off_when_told() {
    let Some(curl) = tool("curl") else { return };
    for (arguments, status) in [
        (&[][..], "401"),
        (&["--older-api", "off"], "404"),
        (&["--listen", "0.0.0.0:0", "--insecure"], "404"),
        (&["--listen", "0.0.0.0:0", "--insecure", "--older-api", "on"], "401"),
    ] {
        let server = Binary::start(arguments);
        let url = format!("http://127.0.0.1:{}/api/resource", server.address.port());
        let output =
            Command::new(&curl).args(["-s", "-o", "/dev/null", "-w", "%{http_code}", &url]).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout), status, "{arguments:?}");
        server.stop();
    }
}

/// The session of the old application's documentation, as it stands there but for the address and a password of today's
/// length.
#[test]
fn the_documented_curl_session_runs_as_it_stands() {
    let Some(_) = tool("curl") else { return };
    let server = Binary::start(&[]);
    let shell = |line: &str| {
        let line = line
            .replace("127.0.0.1:5000", &server.address.to_string())
            .replace("python", "python-rocks-2013");
        let output = Command::new("sh").args(["-c", &line]).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let body = |answer: &str| answer.split("\r\n\r\n").last().unwrap().to_owned();

    let created = shell(
        r#"curl -i -X POST -H "Content-Type: application/json" -d '{"username":"miguel","password":"python"}' http://127.0.0.1:5000/api/users"#,
    );
    assert!(created.starts_with("HTTP/1.1 201 "), "{created}");
    assert!(created.to_lowercase().contains("\r\nlocation: /api/users/"), "{created}");
    assert_eq!(body(&created), r#"{"username":"miguel"}"#);

    let greeted = shell("curl -u miguel:python -i -X GET http://127.0.0.1:5000/api/resource");
    assert_eq!(body(&greeted), r#"{"data":"Hello, miguel!"}"#);
    let wrong = shell("curl -u miguel:ruby -i -X GET http://127.0.0.1:5000/api/resource");
    assert!(wrong.starts_with("HTTP/1.1 401 "), "{wrong}");

    let issued = body(&shell("curl -u miguel:python -i -X GET http://127.0.0.1:5000/api/token"));
    let issued: serde_json::Value = serde_json::from_str(&issued).unwrap();
    assert_eq!(issued["duration"], 600);
    let token = issued["token"].as_str().unwrap();
    let greeted = shell(&format!("curl -u {token}:unused -i -X GET http://127.0.0.1:5000/api/resource"));
    assert_eq!(body(&greeted), r#"{"data":"Hello, miguel!"}"#);
    server.stop();
}
