//! Nothing secret reaches the log, at any level.

use std::fmt::Write as _;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use countersign::pb::auth::v1::IssueTokenRequest;

use crate::harness::{AdminClient, Binary, Client, Credentials, Desk, basic_header, master_key_file, run};

const PASSWORD: &str = "Xy7-unmistakable-Qz9";
const CHANGED: &str = "Bv4-unmistakable-Ht6";
const RESET: &str = "Gd8-unmistakable-Mw2";
const WRONG: &str = "Wr0ng-unmistakable-Kp3";
/// Retry keys. The last ones are refused: one is too short, one serves twice.
const KEYS: [&[u8]; 4] =
    [b"\x00\xfe-unmistakable-\xff", b"unmistakable too, this one", b"too-short-7x", &[0xa7; 32]];

/// Everything that a secret could be written as.
fn spellings(secret: &[u8]) -> Vec<String> {
    let hex = secret.iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").unwrap();
        hex
    });
    let mut all =
        vec![STANDARD_NO_PAD.encode(secret), URL_SAFE_NO_PAD.encode(secret), hex.to_uppercase(), hex];
    all.extend([format!("{secret:?}"), format!("{:?}", secret.escape_ascii().to_string())]);
    all.extend([secret.escape_ascii().to_string(), String::from_utf8_lossy(secret).into_owned()]);
    all
}

fn expect_none_in(log: &str, secrets: &[String]) {
    assert!(log.contains("refused"), "the log is there: {log}");
    for secret in secrets {
        for spelling in spellings(secret.as_bytes()) {
            assert!(!log.contains(&spelling), "{secret} is in the log as {spelling}");
        }
    }
}

/// What of a token cannot be guessed: without its start, which is the same in many, and without its end.
fn middle(token: &str) -> String {
    token[20..80].to_owned()
}

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
        let key = std::fs::read_to_string(master_key_file(folder.path())).unwrap();
        let key = key.trim().trim_start_matches("k4.local.").to_owned();
        let mut secrets = vec![PASSWORD.to_owned(), WRONG.to_owned(), key, "$argon2".to_owned()];
        secrets.extend([PASSWORD, WRONG].map(|text| basic_header("alice", text)[6..].to_owned()));
        secrets.extend([&token, &other].map(|token| middle(token)));
        expect_none_in(&log, &secrets);
    }
}

/// Refreshes, repeats and robs a session. What was given meanwhile.
async fn spend(client: &Client) -> Vec<String> {
    let opened = client.open("alice", PASSWORD).await;
    let first = client.refresh(&opened.refresh_token, KEYS[0]).await.unwrap();
    let again = client.refresh(&opened.refresh_token, KEYS[0]).await.unwrap();
    client.refresh(&first.refresh_token, KEYS[0]).await.unwrap_err();
    client.refresh(&first.refresh_token, KEYS[2]).await.unwrap_err();
    client.refresh(&format!("{}.", first.refresh_token), KEYS[1]).await.unwrap_err();
    client.greet(Credentials::Bearer(&first.refresh_token)).await.unwrap_err();
    let last = client.refresh(&first.refresh_token, KEYS[1]).await.unwrap();
    client.refresh(&opened.refresh_token, KEYS[3]).await.unwrap_err();
    client.refresh(&last.refresh_token, &[]).await.unwrap_err();
    client.revoke_token(&last.refresh_token).await.unwrap();
    client.revoke_token(&last.token).await.unwrap();
    let refresh_tokens = [opened.refresh_token, first.refresh_token, last.refresh_token];
    refresh_tokens.into_iter().chain([opened.token, first.token, again.token, last.token]).collect()
}

/// Changes and resets a password. What was given meanwhile.
async fn replace_password(client: &Client, admin: &AdminClient, user_id: &str) -> Vec<String> {
    let wrong = client.change_password(Credentials::Basic("alice", PASSWORD), WRONG, CHANGED).await;
    wrong.unwrap_err();
    let changed = client.change_password(Credentials::Basic("alice", PASSWORD), PASSWORD, CHANGED).await;
    let changed = changed.unwrap();
    let [replaced, code] = [admin.create_reset_code(user_id).await, admin.create_reset_code(user_id).await]
        .map(|made| made.unwrap().reset_code);
    client.reset_password(&replaced, RESET).await.unwrap_err();
    client.reset_password(&code, "alice").await.unwrap_err();
    client.reset_password(&code, RESET).await.unwrap();
    client.reset_password(&code, WRONG).await.unwrap_err();
    client.delete_user(Credentials::Basic("alice", RESET), "me", WRONG).await.unwrap_err();
    client.delete_user(Credentials::Basic("alice", RESET), "me", RESET).await.unwrap();
    vec![changed.refresh_token, changed.token, replaced, code]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_of_a_session_is_in_any_log_at_any_level() {
    for format in ["text", "json"] {
        let desk = Desk::open_with(&["--log-level", "trace", "--log-format", format]);
        let client = desk.server.client().await;
        let user_id = client.create_user("alice", PASSWORD).await.unwrap().user_id;
        let admin = AdminClient::new(desk.server.channel().await, &desk.token);
        let mut given = spend(&client).await;
        given.extend(replace_password(&client, &admin, &user_id).await);

        // What the commands print and complain about counts like a log.
        let mut said = desk.table(&["user", "list"]);
        said.push_str(&desk.refused(1, &["user", "disable", "root"]));
        let broken = format!("{}.", desk.token);
        let output = run(desk.command(&["event", "list"]).env("COUNTERSIGN_TOKEN", &broken), "");
        said.push_str(&String::from_utf8_lossy(&output.stderr));
        given.push(desk.token);

        let (status, log, _folder) = desk.server.stop();
        assert!(status.success());
        let log = log + &said;
        let mut secrets: Vec<String> = given.iter().map(|token| middle(token)).collect();
        secrets.extend([PASSWORD, CHANGED, RESET, WRONG].map(str::to_owned));
        secrets.extend(["csr_", "csp_", "v4.public."].map(str::to_owned));
        expect_none_in(&log, &secrets);
        for spelling in KEYS.iter().flat_map(|key| spellings(key)) {
            assert!(!log.contains(&spelling), "a retry key is in the log as {spelling}");
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
