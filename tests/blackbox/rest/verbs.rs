//! Paths and verbs: what there is has one spelling, and what there is not is told apart.

use http::Method;

use super::ask::{Ask, Version, refused};
use crate::harness::{Credentials, PASSWORD, TestServer};

#[tokio::test]
async fn another_spelling_of_a_path_reaches_nothing() {
    let server = TestServer::start().await;
    let client = server.client().await;
    client.create_user("alice", PASSWORD).await.unwrap();
    let token = client.sign_in("alice", PASSWORD).await;
    let get = |path: &str| Ask::get(path).with(&Credentials::Bearer(&token)).send(server.address);
    get("/v1/users/me").await.ok();
    get("/v1/users/m%65").await.ok();
    for path in [
        "/v1",
        "/v1/",
        "/v1/greet/",
        "//v1/greet",
        "/v1//greet",
        "/v1/users//me",
        "/v1/users/me/",
        "/v1/users/",
        "/v1/users/%2Fme",
        "/v1/users/x/../me",
        "/v1/users/..",
        "/v1/users/%2e%2e",
        "/v1/./greet",
        "/v1/x/../greet",
        "/v1/%67reet",
        "/V1/greet",
        "/v1/Greet",
        "/v1/users/me%",
        "/v1/users/%ff",
        "/v1/users/me:x",
        "/v1/greet:",
        "/v2/greet",
        "/auth.v1.AuthService/Greet",
        "/auth.v1.AdminService/ListUsers",
        "/auth.v1.TrustService/WatchTrust",
        "/v1/greet;x",
        "/v1/users/me%2f",
    ] {
        assert_eq!(get(path).await.refused(), refused(404, "METHOD_UNKNOWN"), "{path}");
    }
}

#[tokio::test]
async fn a_path_tells_its_verbs() {
    let server = TestServer::start().await;
    for (path, wrong, allowed) in [
        ("/v1/greet", Method::POST, "GET, HEAD, OPTIONS"),
        ("/v1/tokens:refresh", Method::GET, "POST, OPTIONS"),
        ("/v1/users/me:delete", Method::DELETE, "POST, OPTIONS"),
        ("/v1/users/me", Method::PUT, "GET, HEAD, OPTIONS"),
        ("/v1/sessions/x", Method::GET, "DELETE, OPTIONS"),
        ("/v1/users", Method::HEAD, "POST, OPTIONS"),
        ("/v1/greet", Method::TRACE, "GET, HEAD, OPTIONS"),
        ("/", Method::POST, "GET, HEAD, OPTIONS"),
        ("/", Method::DELETE, "GET, HEAD, OPTIONS"),
        ("/docs", Method::PUT, "GET, HEAD, OPTIONS"),
    ] {
        for version in [Version::One, Version::Two] {
            let answer = Ask::new(wrong.clone(), path).over(version).send(server.address).await;
            assert_eq!((answer.status, answer.header("allow")), (405, Some(allowed)), "{path}");
            assert!(answer.header("x-request-id").is_some(), "{path}");
            if wrong != Method::HEAD {
                assert_eq!(answer.refused(), refused(405, "METHOD_UNKNOWN"), "{path}");
            }
            let options = Ask::new(Method::OPTIONS, path).over(version).send(server.address).await;
            assert_eq!((options.status, options.header("allow")), (204, Some(allowed)), "{path}");
            assert!(options.body.is_empty());
        }
    }
    let nowhere = Ask::new(Method::OPTIONS, "/v1/nothing").send(server.address).await;
    assert_eq!(nowhere.refused(), refused(404, "METHOD_UNKNOWN"));
}

#[tokio::test]
async fn head_is_get_without_the_body() {
    let server = TestServer::start().await;
    let client = server.client().await;
    client.create_user("alice", PASSWORD).await.unwrap();
    let basic = Credentials::Basic("alice", PASSWORD);
    for version in [Version::One, Version::Two] {
        let get = Ask::get("/v1/greet").over(version).with(&basic).send(server.address).await;
        let head = Ask::new(Method::HEAD, "/v1/greet").over(version).with(&basic).send(server.address).await;
        assert_eq!((head.status, head.body.len()), (200, 0));
        assert_eq!(head.header("content-length"), get.header("content-length"));
        for page in ["/", "/docs"] {
            let get = Ask::get(page).over(version).send(server.address).await;
            let head = Ask::new(Method::HEAD, page).over(version).send(server.address).await;
            assert_eq!((head.status, head.body.len()), (200, 0));
            assert_eq!(head.header("content-length"), Some(&*get.body.len().to_string()), "{page}");
        }
        let stranger = Ask::new(Method::HEAD, "/v1/greet").over(version).send(server.address).await;
        assert_eq!((stranger.status, stranger.header("www-authenticate")), (401, Some("Bearer")));
    }
}
