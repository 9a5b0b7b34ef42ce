//! Nothing secret reaches the log, at any level.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use countersign::pb::auth::v1::IssueTokenRequest;

use crate::harness::{Binary, Credentials, basic_header};

const PASSWORD: &str = "Xy7-unmistakable-Qz9";
const WRONG: &str = "Wr0ng-unmistakable-Kp3";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_secret_is_in_any_log_at_any_level() {
    for format in ["text", "json"] {
        let server = Binary::start(&["--log-level", "trace", "--log-format", format]);
        let client = server.client().await;
        client.create_user("alice", PASSWORD).await.unwrap();
        client.create_user("alice", PASSWORD).await.unwrap_err();
        client.create_user("al:ice", WRONG).await.unwrap_err();
        let token = client.sign_in("alice", PASSWORD).await;
        let body =
            IssueTokenRequest { username: "alice".into(), password: PASSWORD.into(), ..Default::default() };
        let other = client.issue(Credentials::None, body).await.unwrap().token;
        client.greet(Credentials::Bearer(&token)).await.unwrap();
        client.greet(Credentials::Basic(&token, "x")).await.unwrap();
        client.greet(Credentials::Basic("alice", PASSWORD)).await.unwrap();
        client.greet(Credentials::Basic("alice", WRONG)).await.unwrap_err();
        client.greet(Credentials::Raw(&format!("Digest {WRONG}"))).await.unwrap_err();
        client.greet(Credentials::Bearer(&format!("{token}."))).await.unwrap_err();
        client.get_user(Credentials::Bearer(&token), "me").await.unwrap();

        let (status, log, folder) = server.stop();
        assert!(status.success());
        let key = std::fs::read_to_string(folder.path().join("countersign.key")).unwrap();
        let key = key.trim().trim_start_matches("k4.local.").to_owned();
        assert!(log.contains("refused"), "the log is there: {log}");
        let encoded =
            |text: &str| [STANDARD.encode(text), STANDARD_NO_PAD.encode(text), URL_SAFE_NO_PAD.encode(text)];
        let mut secrets = vec![PASSWORD.to_owned(), WRONG.to_owned(), key, "$argon2".to_owned()];
        secrets.extend([PASSWORD, WRONG].iter().flat_map(|text| encoded(text)));
        secrets.extend([PASSWORD, WRONG].map(|text| basic_header("alice", text)[6..].to_owned()));
        secrets.extend([&token, &other].map(|token| token[20..80].to_owned()));
        for secret in secrets {
            assert!(!log.contains(&secret), "{secret} is in the log");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hostile_name_cannot_forge_a_log_line() {
    let server = Binary::start(&["--log-level", "trace", "--log-format", "text"]);
    let client = server.client().await;
    let forged = "x\n2026-01-01T00:00:00Z ERROR countersign: forged";
    client.create_user(forged, PASSWORD).await.unwrap_err();
    client.greet(Credentials::Basic(forged, PASSWORD)).await.unwrap_err();
    let (_, log, _folder) = server.stop();
    assert!(
        !log.lines().any(|line| line.contains("forged") && line.starts_with("2026-01-01T00:00:00Z")),
        "{log}"
    );
}
