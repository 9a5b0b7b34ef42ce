//! The list of calls and refusals that every client walks.

use serde_json::{Value, json};

use super::Foreign;
use crate::harness::{Binary, PASSWORD, basic_header};

pub fn walk_a_session(client: &dyn Foreign, name: &str) {
    let body = json!({"username": name, "password": PASSWORD});
    let created = client.call("CreateUser", None, &body).unwrap();
    let user_id = created["user"]["userId"].as_str().unwrap().to_owned();
    let basic = basic_header(name, PASSWORD);
    let by_basic = client.call("IssueToken", Some(&basic), &json!({})).unwrap();
    assert_eq!(by_basic["duration"], "600s");
    let by_body = client.call("IssueToken", None, &body).unwrap();
    let token = by_body["token"].as_str().unwrap();
    for (value, method) in [
        (format!("Bearer {token}"), "AUTHENTICATION_METHOD_TOKEN"),
        (basic.clone(), "AUTHENTICATION_METHOD_PASSWORD"),
        (basic_header(token, "anything"), "AUTHENTICATION_METHOD_TOKEN"),
    ] {
        let greeting = client.call("Greet", Some(&value), &json!({})).unwrap();
        assert_eq!(greeting["message"], format!("Hello, {name}!"));
        assert_eq!(greeting["caller"]["method"], method);
        assert_eq!(greeting["caller"]["userId"], user_id.as_str());
    }
    let shown = client.call("GetUser", Some(&basic), &json!({"user_id": "me"})).unwrap();
    assert_eq!(shown["user"]["userId"], user_id.as_str());
    let renewed =
        client.call("IssueToken", Some(&format!("Bearer {token}")), &json!({"lifetime": "60s"})).unwrap();
    assert_eq!(renewed["duration"], "60s");
    see_every_refusal(client, name, token);
    walk_to_the_end_of_a_session(client, &basic);
}

fn walk_to_the_end_of_a_session(client: &dyn Foreign, basic: &str) {
    let first = client.call("IssueToken", Some(basic), &json!({})).unwrap();
    let spend = |token: &Value, key: &str| {
        client.call("RefreshToken", None, &json!({"refresh_token": token, "retry_key": key.repeat(24)}))
    };
    let [fresh, again] = [(); 2].map(|()| spend(&first["refreshToken"], "A").unwrap());
    assert_eq!(fresh["refreshToken"], again["refreshToken"], "the same refresh token for the same key");
    let bearer = format!("Bearer {}", fresh["token"].as_str().unwrap());
    let listed = client.call("ListSessions", Some(&bearer), &json!({})).unwrap();
    let sessions = listed["sessions"].as_array().unwrap();
    let (current, other) = (&sessions[0], &sessions[1]);
    assert_eq!((&current["current"], &current["sessionId"]), (&json!(true), &first["sessionId"]));
    client.call("RevokeSession", Some(&bearer), &json!({"session_id": other["sessionId"]})).unwrap();
    let others = client.call("RevokeAllSessions", Some(&bearer), &json!({"keep_current": true})).unwrap();
    assert_eq!(others["revokedCount"], sessions.len() - 2);
    assert_eq!(spend(&first["refreshToken"], "B").unwrap_err(), "REFRESH_TOKEN_REUSED");
    assert_eq!(client.call("Greet", Some(&bearer), &json!({})).unwrap_err(), "TOKEN_REVOKED");

    let last = client.call("IssueToken", Some(basic), &json!({})).unwrap();
    client.call("RevokeToken", None, &json!({"token": last["refreshToken"]})).unwrap();
    assert_eq!(spend(&last["refreshToken"], "A").unwrap_err(), "TOKEN_REVOKED");
}

/// An admin's acts on a user, who is gone in the end.
fn see_the_end_of_a_user(client: &dyn Foreign, admin: &str) {
    let ask = |method: &str, authorization: &str, body: Value| {
        client.call(method, Some(authorization), &body).unwrap()
    };
    let token = ask("IssueToken", admin, json!({}));
    let bearer = format!("Bearer {}", token["token"].as_str().unwrap());
    let body = json!({"username": "dora", "password": PASSWORD});
    let dora = client.call("CreateUser", None, &body).unwrap()["user"]["userId"].clone();
    let roles = ask("SetRoles", &bearer, json!({"user_id": dora, "roles": ["x"]}))["user"]["roles"].clone();
    assert_eq!(roles, json!(["x"]));
    let code = ask("CreateResetCode", &bearer, json!({"user_id": dora}))["resetCode"].clone();
    client
        .call("ResetPassword", None, &json!({"reset_code": code, "new_password": "first new one"}))
        .unwrap();
    let change = json!({"current_password": "first new one", "new_password": "second new one"});
    ask("ChangePassword", &basic_header("dora", "first new one"), change);
    let deletion = json!({"user_id": "me", "current_password": "second new one"});
    ask("DeleteUser", &basic_header("dora", "second new one"), deletion);
    let events = ask("ListSecurityEvents", &bearer, json!({"user_id": dora, "page_size": 1}));
    assert_eq!(events["events"][0]["kind"], "SECURITY_EVENT_KIND_USER_DELETED");
    let me = ask("GetUser", &bearer, json!({"user_id": "me"}))["user"]["userId"].clone();
    let refused = client.call("DisableUser", Some(&bearer), &json!({"user_id": me})).unwrap_err();
    assert_eq!(refused, "LAST_ADMIN");
}

fn see_every_refusal(client: &dyn Foreign, name: &str, token: &str) {
    let basic = basic_header(name, PASSWORD);
    let nobody = json!({"user_id": "0193b4a0-5f6e-7c3a-8d5e-1f2a3b4c5d6e"});
    for (method, authorization, body, reason) in [
        ("Greet", None, json!({}), "CREDENTIALS_MISSING"),
        ("Greet", Some(basic_header(name, "wrong password")), json!({}), "CREDENTIALS_INVALID"),
        ("Greet", Some(basic_header("nobody-at-all", PASSWORD)), json!({}), "CREDENTIALS_INVALID"),
        ("Greet", Some("Digest abc".to_owned()), json!({}), "CREDENTIALS_INVALID"),
        ("Greet", Some(format!("Bearer {token}.")), json!({}), "TOKEN_INVALID"),
        ("Greet", Some("Bearer v4.public.abc".to_owned()), json!({}), "TOKEN_INVALID"),
        ("GetUser", Some(basic.clone()), nobody, "ROLE_REQUIRED"),
        ("GetUser", Some(basic.clone()), json!({"user_id": "you"}), "FIELD_INVALID"),
        ("IssueToken", Some(basic.clone()), json!({"audience": "nowhere"}), "FIELD_INVALID"),
        ("IssueToken", Some(basic), json!({"lifetime": "-1s"}), "FIELD_INVALID"),
        ("IssueToken", None, json!({}), "CREDENTIALS_MISSING"),
        ("CreateUser", None, json!({"username": name, "password": PASSWORD}), "USERNAME_TAKEN"),
        ("CreateUser", None, json!({"username": "a:b", "password": PASSWORD}), "FIELD_INVALID"),
        (
            "CreateUser",
            None,
            json!({"username": "carol", "password": "x".repeat(70_000)}),
            "MESSAGE_TOO_LARGE",
        ),
    ] {
        let said = client.call(method, authorization.as_deref(), &body).unwrap_err();
        assert_eq!(said, reason, "{method} {authorization:?}");
    }
}

/// Refusals that need something to have happened first.
pub async fn see_rarer_refusals(client: &dyn Foreign, server: &Binary) {
    let database = server.database();
    let basic = basic_header("alice", PASSWORD);
    let refusal = |method: &str, authorization: &str, body| {
        client.call(method, Some(authorization), &body).unwrap_err()
    };

    let short = client.call("IssueToken", Some(&basic), &json!({"lifetime": "1s"})).unwrap();
    let bearer = format!("Bearer {}", short["token"].as_str().unwrap());
    let expired = loop {
        if let Err(reason) = client.call("Greet", Some(&bearer), &json!({})) {
            break reason;
        }
    };
    assert_eq!(expired, "TOKEN_EXPIRED");

    let token = client.call("IssueToken", Some(&basic), &json!({})).unwrap();
    let bearer = format!("Bearer {}", token["token"].as_str().unwrap());
    database.execute("UPDATE sessions SET ended = 1").await;
    assert_eq!(refusal("IssueToken", &bearer, json!({})), "TOKEN_REVOKED");

    database.execute("UPDATE users SET roles = 'admin'").await;
    let nobody = json!({"user_id": "0193b4a0-5f6e-7c3a-8d5e-1f2a3b4c5d6e"});
    assert_eq!(refusal("GetUser", &basic, nobody), "USER_NOT_FOUND");
    see_the_end_of_a_user(client, &basic);

    let lock = database.lock().await;
    let carol = json!({"username": "carol", "password": PASSWORD});
    assert_eq!(refusal("CreateUser", &basic, carol), "STORE_UNAVAILABLE");
    lock.release().await;

    database.execute("UPDATE users SET roles = 'NOT A ROLE'").await;
    assert_eq!(refusal("Greet", &basic, json!({})), "INTERNAL");
}

/// Without reflection, whose calls would be counted too.
pub fn see_rate_limit(client: &dyn Foreign) {
    // The first one is let through; so is another if the program took a second to start.
    let mut refusals = (0..100).map(|_| client.call("Greet", None, &json!({})).unwrap_err());
    let refused = refusals.find(|reason| reason != "CREDENTIALS_MISSING");
    assert_eq!(refused.as_deref(), Some("RATE_LIMITED"));
}
