//! What a request has to look like, and that nothing of what was sent comes back with a refusal.

use http::Method;
use serde_json::json;

use super::ask::{Ask, RefusedOverHttp, Version, refused, refused_field};
use crate::harness::{Credentials, PASSWORD, TestServer};

async fn alices_token(server: &TestServer) -> String {
    let client = server.client().await;
    client.create_user("alice", PASSWORD).await.unwrap();
    client.sign_in("alice", PASSWORD).await
}

#[tokio::test]
async fn a_field_that_is_wrong_is_named_and_its_value_is_not_repeated() {
    let server = TestServer::start().await;
    let token = alices_token(&server).await;
    let unnamed = refused(400, "FIELD_INVALID");
    for (body, refusal) in [
        (r#"{"username":"x","password":"SECRET","extra":"SECRET"}"#, refused_field("extra")),
        (r#"{"username":"x","username":"SECRET"}"#, refused_field("username")),
        (r#"{"username":{"a":"SECRET"}}"#, refused_field("username")),
        (r#"{"password":["SECRET"]}"#, refused_field("password")),
        (r#"{"password":7}"#, refused_field("password")),
        (r#"{"lifetime":"SECRET"}"#, refused_field("lifetime")),
        (r#"{"lifetime":600}"#, refused_field("lifetime")),
        (r#"{"lifetime":"600s","lifetime":"600s"}"#, refused_field("lifetime")),
        (r#"{"a b SECRET":1}"#, refused_field("a field")),
        (r#"{"password":"SECRET"#, refused(400, "FIELD_INVALID")),
        (r#"{"password":"SECRET"} SECRET"#, refused(400, "FIELD_INVALID")),
        (r#"["SECRET"]"#, refused(400, "FIELD_INVALID")),
        (r#""SECRET""#, refused(400, "FIELD_INVALID")),
        ("null", refused(400, "FIELD_INVALID")),
        ("username=x&password=SECRET", refused(400, "FIELD_INVALID")),
    ] {
        let ask = Ask::new(Method::POST, "/v1/tokens").header("content-type", "application/json").body(body);
        let answer = ask.with(&Credentials::Bearer(&token)).send(server.address).await;
        assert_eq!(answer.refused(), refusal, "{body}");
        assert!(!String::from_utf8_lossy(&answer.body).contains("SECRET"), "{answer:?}");
    }
    let not_utf8 = Ask::new(Method::POST, "/v1/tokens").header("content-type", "application/json");
    let answer = not_utf8.body(*b"{\"password\":\"\xff\"}").send(server.address).await;
    assert_eq!(answer.refused(), unnamed);
}

/// A stranger learns nothing by sending nonsense: first it is asked who it is.
#[tokio::test]
async fn credentials_are_asked_for_before_the_body_is_looked_at() {
    let server = TestServer::start().await;
    let nonsense =
        Ask::new(Method::POST, "/v1/sessions:revokeAll").header("content-type", "application/json");
    let answer = nonsense.body("{nonsense").send(server.address).await;
    assert_eq!(answer.refused(), refused(401, "CREDENTIALS_MISSING"));
}

#[tokio::test]
async fn fields_come_in_both_spellings_and_may_be_null_or_absent() {
    let server = TestServer::start().await;
    let token = alices_token(&server).await;
    for body in [
        r#"{"keepCurrent":true}"#,
        r#"{"keep_current":true,"userId":null}"#,
        r#" { "user_id" : "me" , "keepCurrent":true } "#,
    ] {
        let ask = Ask::new(Method::POST, "/v1/sessions:revokeAll")
            .header("content-type", "application/json; charset=utf-8");
        ask.body(body).with(&Credentials::Bearer(&token)).send(server.address).await.ok();
    }
    let empty = Ask::new(Method::POST, "/v1/tokens").header("content-type", "application/json");
    empty.with(&Credentials::Bearer(&token)).send(server.address).await.ok();
}

#[tokio::test]
async fn a_query_has_the_fields_of_the_request_and_no_others() {
    let server = TestServer::start().await;
    let token = alices_token(&server).await;
    let session = "0193b4a0-5f6e-7c3a-8d5e-1f2a3b4c5d6e";
    for (verb, path, refusal) in [
        (Method::GET, "/v1/sessions?user=me".to_owned(), refused_field("user")),
        (Method::GET, "/v1/sessions?user_id=me&user_id=me".to_owned(), refused_field("user_id")),
        (Method::GET, "/v1/sessions?user_id=me&userId=me".to_owned(), refused_field("user_id")),
        (Method::GET, "/v1/sessions?user_id=%zz".to_owned(), refused_field("user_id")),
        (Method::GET, "/v1/sessions?user_id=%ff".to_owned(), refused_field("user_id")),
        (Method::GET, "/v1/sessions?%ff=me".to_owned(), refused(400, "FIELD_INVALID")),
        (Method::GET, "/v1/users/me?user_id=me".to_owned(), refused_field("user_id")),
        (Method::GET, "/v1/greet?x".to_owned(), refused_field("x")),
        (
            Method::DELETE,
            format!("/v1/sessions/{session}?wait_for_verifiers=soon"),
            refused_field("wait_for_verifiers"),
        ),
        (
            Method::DELETE,
            format!("/v1/sessions/{session}?wait_for_verifiers=1s"),
            refused(404, "SESSION_NOT_FOUND"),
        ),
    ] {
        let answer = Ask::new(verb, &path).with(&Credentials::Bearer(&token)).send(server.address).await;
        assert_eq!(answer.refused(), refusal, "{path}");
    }
    let in_both = Ask::post("/v1/tokens?audience=billing", &json!({})).with(&Credentials::Bearer(&token));
    assert_eq!(in_both.send(server.address).await.refused(), refused(400, "FIELD_INVALID"));
    let twice =
        Ask::post("/v1/users/me:delete", &json!({"user_id": session})).with(&Credentials::Bearer(&token));
    assert_eq!(twice.send(server.address).await.refused(), refused_field("user_id"));
    let body = Ask::get("/v1/greet").body("{}").with(&Credentials::Bearer(&token));
    assert_eq!(body.send(server.address).await.refused(), refused(400, "FIELD_INVALID"));
    Ask::get("/v1/sessions?").with(&Credentials::Bearer(&token)).send(server.address).await.ok();
}

#[tokio::test]
async fn a_body_says_that_it_is_json() {
    let server = TestServer::start().await;
    let token = alices_token(&server).await;
    let wrong = refused(415, "FIELD_INVALID");
    let post = |headers: &[(&str, &str)], body: &str| {
        let ask =
            Ask::new(Method::POST, "/v1/sessions:revokeAll").body(body).with(&Credentials::Bearer(&token));
        headers.iter().fold(ask, |ask, (name, value)| ask.header(name, value)).send(server.address)
    };
    for kind in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/jsonp",
        "text/json",
        "",
    ] {
        assert_eq!(post(&[("content-type", kind)], "{}").await.refused(), wrong, "{kind:?}");
    }
    assert_eq!(post(&[], "{}").await.refused(), wrong);
    assert_eq!(post(&[], "").await.refused(), wrong, "without a body too");
    let (json, text) = (("content-type", "application/json"), ("content-type", "text/plain"));
    for two in [[json, text], [text, json], [json, json]] {
        assert_eq!(post(&two, "{}").await.refused(), wrong, "{two:?}");
    }
    let older = Ask::post("/api/users", &json!({"username": "bob", "password": PASSWORD}));
    assert_eq!(older.header(text.0, text.1).send(server.address).await.status, 415);
    let zipped = [("content-type", "application/json"), ("content-encoding", "gzip")];
    assert_eq!(post(&zipped, "{}").await.refused(), wrong);
    for kind in ["application/json", "Application/JSON ; charset=UTF-8"] {
        post(&[("content-type", kind)], r#"{"keep_current":true}"#).await.ok();
    }
}

#[tokio::test]
async fn a_body_has_its_bounds() {
    let server = TestServer::start().await;
    let padded = |length: usize| {
        let body = json!({"username": "carol", "password": PASSWORD}).to_string();
        body.clone() + &" ".repeat(length - body.len())
    };
    for version in [Version::One, Version::Two] {
        let post = |body: String| {
            let ask = Ask::new(Method::POST, "/v1/users").over(version);
            ask.header("content-type", "application/json").body(body).send(server.address)
        };
        let too_large = refused(413, "MESSAGE_TOO_LARGE");
        assert_eq!(post(padded((64 << 10) + 1)).await.refused(), too_large, "{version:?}");
        assert_eq!(post(padded(512 << 10)).await.refused(), too_large, "{version:?}");
        let fits = post(padded(64 << 10)).await;
        assert!(fits.status == 200 || fits.refused() == refused(409, "USERNAME_TAKEN"), "{fits:?}");
    }
    let deep = "[".repeat(60_000);
    let ask = Ask::new(Method::POST, "/v1/users").header("content-type", "application/json");
    let answer = ask.body(format!("{{\"username\":{deep}")).send(server.address).await;
    let shallow: RefusedOverHttp = answer.refused();
    assert_eq!(shallow, refused(400, "FIELD_INVALID"));
}
