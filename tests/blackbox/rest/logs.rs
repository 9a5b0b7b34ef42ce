//! Nothing of what is sent over HTTP reaches the log, wherever in a request it stands.

use http::Method;
use serde_json::json;

use super::ask::{Ask, Version};
use crate::harness::{Binary, Credentials};

const SECRET: &str = "Xy7-unmistakable-Qz9";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_secret_that_came_over_http_is_in_any_log_at_any_level() {
    let server = Binary::start(&["--log-level", "trace", "--log-format", "json"]);
    let login = json!({"username": "alice", "password": SECRET});
    let basic = Credentials::Basic("alice", SECRET);
    let json_of = |body: String| {
        Ask::new(Method::POST, "/v1/tokens").header("content-type", "application/json").body(body)
    };
    for version in [Version::One, Version::Two] {
        for ask in [
            Ask::post("/v1/users", &login),
            Ask::post("/v1/tokens", &login),
            Ask::post("/v1/tokens", &json!({"password": {"a": SECRET}})),
            json_of(format!("{{\"password\":\"{SECRET}")),
            json_of(format!("{{\"{SECRET}\":1}}")),
            Ask::get("/v1/greet").with(&basic),
            Ask::get(&format!("/v1/greet?password={SECRET}")).with(&basic),
            Ask::get(&format!("/v1/users/{SECRET}")).with(&basic),
            Ask::get(&format!("/nowhere/{SECRET}")),
            Ask::new(Method::POST, &format!("/api/users?username=bob&password={SECRET}")),
            Ask::get("/api/token").with(&basic),
        ] {
            let answer = ask.over(version).send(server.address).await;
            assert!(answer.status < 500, "{answer:?}");
        }
    }
    let (status, log, _folder) = server.stop();
    assert!(status.success() && log.contains("refused"), "the log is there: {log}");
    assert!(!log.contains(SECRET), "{log}");
    assert!(!log.contains("v4.public."), "{log}");
}
