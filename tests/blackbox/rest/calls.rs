//! Every method that has a path is called over HTTP, and does what it does over gRPC.

use serde_json::{Value, json};

use super::ask::{Ask, Version};
use crate::harness::{Credentials, PASSWORD, TestServer};

async fn walk(version: Version) {
    let server = TestServer::start().await;
    let address = server.address;
    let post = |path: &str, body: Value| Ask::post(path, &body).over(version).send(address);
    let login = json!({"username": "alice", "password": PASSWORD});

    let created = post("/v1/users", login.clone()).await;
    assert_eq!(created.header("cache-control"), Some("no-store"));
    let user = created.ok()["user"].clone();
    assert_eq!(
        (&user["username"], &user["roles"], &user["disabled"]),
        (&json!("alice"), &json!([]), &json!(false))
    );
    assert!(user["createTime"].as_str().unwrap().starts_with("2026-01-01T00:00:00"));

    let issued = post("/v1/tokens", login).await;
    assert_eq!(issued.header("cache-control"), Some("no-store"));
    let issued = issued.ok();
    assert_eq!((&issued["tokenType"], &issued["duration"]), (&json!("Bearer"), &json!("600s")));
    let token = issued["token"].as_str().unwrap().to_owned();
    let bearer = Credentials::Bearer(&token);
    let get = |path: &str| Ask::get(path).over(version).with(&bearer).send(address);

    let greeting = get("/v1/greet").await.ok();
    assert_eq!(greeting["message"], "Hello, alice!");
    assert_eq!(greeting["caller"]["method"], "AUTHENTICATION_METHOD_TOKEN");
    let id = user["userId"].as_str().unwrap();
    for path in ["/v1/users/me".to_owned(), format!("/v1/users/{id}")] {
        assert_eq!(get(&path).await.ok()["user"], user, "{path}");
    }
    let sessions = get("/v1/sessions").await.ok()["sessions"].clone();
    assert_eq!((&sessions[0]["current"], &sessions[0]["sessionId"]), (&json!(true), &issued["sessionId"]));
    assert_eq!(get("/v1/sessions?user_id=me").await.ok()["sessions"], sessions);
    assert_eq!(get(&format!("/v1/sessions?userId={id}")).await.ok()["sessions"], sessions);

    let verified = Ask::post("/v1/tokens:verify", &json!({"token": token}))
        .over(version)
        .with(&bearer)
        .send(address)
        .await
        .ok();
    assert_eq!(
        (&verified["active"], &verified["claims"]["epoch"]),
        (&json!(true), &json!("1")),
        "an int64 is a string"
    );
    let keys = Ask::get("/v1/keys").over(version).send(address).await.ok();
    assert_eq!(keys["keys"][0]["state"], "KEY_STATE_ACTIVE");

    let key = "AAECAwQFBgcICQoLDA0ODw==";
    let spend = json!({"refresh_token": issued["refreshToken"], "retry_key": key});
    let fresh = post("/v1/tokens:refresh", spend.clone()).await.ok();
    assert_eq!(post("/v1/tokens:refresh", spend).await.ok()["refreshToken"], fresh["refreshToken"]);
}

#[tokio::test]
async fn a_session_begins_over_http_1() {
    walk(Version::One).await;
}

#[tokio::test]
async fn a_session_begins_over_http_2() {
    walk(Version::Two).await;
}

/// What is left of alice, with a token.
struct Alice {
    server: TestServer,
    token: String,
}

impl Alice {
    async fn sign_up() -> Self {
        let server = TestServer::start().await;
        let client = server.client().await;
        client.create_user("alice", PASSWORD).await.unwrap();
        let token = client.sign_in("alice", PASSWORD).await;
        Self { server, token }
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        Ask::post(path, &body).with(&Credentials::Bearer(&self.token)).send(self.server.address).await.ok()
    }

    async fn greeting(&self, token: &str) -> Result<(), String> {
        let answer = Ask::get("/v1/greet").with(&Credentials::Bearer(token)).send(self.server.address).await;
        if answer.status == 200 { Ok(()) } else { Err(answer.refused().reason) }
    }
}

#[tokio::test]
async fn sessions_end_over_http() {
    let alice = Alice::sign_up().await;
    let client = alice.server.client().await;
    let others = [client.open("alice", PASSWORD).await, client.open("alice", PASSWORD).await];
    let path = format!("/v1/sessions/{}?wait_for_verifiers=1s", others[0].session_id);
    let bearer = Credentials::Bearer(&alice.token);
    let ended = Ask::new(http::Method::DELETE, &path).with(&bearer).send(alice.server.address).await.ok();
    assert_eq!(ended, json!({"verifiersPending": 0, "pendingVerifiers": []}));
    assert_eq!(alice.greeting(&others[0].token).await, Err("TOKEN_REVOKED".to_owned()));

    let rest = alice.post("/v1/sessions:revokeAll", json!({"keepCurrent": true})).await;
    assert_eq!(rest["revokedCount"], 1);
    assert_eq!(alice.greeting(&others[1].token).await, Err("TOKEN_REVOKED".to_owned()));
    assert_eq!(alice.greeting(&alice.token).await, Ok(()));

    alice.post("/v1/tokens:revoke", json!({"token": alice.token})).await;
    assert_eq!(alice.greeting(&alice.token).await, Err("TOKEN_REVOKED".to_owned()));
}

#[tokio::test]
async fn a_password_is_changed_and_reset_and_a_user_deleted_over_http() {
    let alice = Alice::sign_up().await;
    let change = json!({"current_password": PASSWORD, "new_password": "a second battery"});
    let fresh = alice.post("/v1/users/me:changePassword", change).await;
    assert_eq!(alice.greeting(&alice.token).await, Err("TOKEN_REVOKED".to_owned()));
    let token = fresh["token"].as_str().unwrap().to_owned();
    assert_eq!(alice.greeting(&token).await, Ok(()));

    let root = alice.server.admin("root").await;
    let client = alice.server.client().await;
    let id = client.caller(Credentials::Bearer(&token)).await.user_id;
    let code = root.create_reset_code(&id).await.unwrap().reset_code;
    alice
        .post("/v1/users:resetPassword", json!({"reset_code": code, "new_password": "a third battery"}))
        .await;

    let basic = Credentials::Basic("alice", "a third battery");
    let deletion =
        Ask::post("/v1/users/me:delete", &json!({"current_password": "a third battery"})).with(&basic);
    deletion.send(alice.server.address).await.ok();
    let gone = Ask::get("/v1/greet").with(&basic).send(alice.server.address).await.refused();
    assert_eq!(gone.reason, "CREDENTIALS_INVALID");
}
