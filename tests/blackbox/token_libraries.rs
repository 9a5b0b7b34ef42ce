//! Libraries that we did not write verify our tokens with the public key alone: pyseto, and npm's paseto as version 3
//! and as version 4, which was written anew. All answer the same questions.

use std::path::Path;
use std::process::Command;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign::pb::auth::v1::{Caller, IssueTokenRequest, IssueTokenResponse};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::harness::{Binary, Client, Credentials, PASSWORD, run, tool};

const ISSUER: &str = "countersign";
const NAME: &str = "Żółw龟";

/// A program of `tests/clients/`, and how its library words a refusal.
pub struct Library {
    pub name: &'static str,
    tool: &'static str,
    program: &'static str,
    forged: &'static str,
    expired: &'static str,
    not_yet: &'static str,
    other_audience: &'static str,
    other_issuer: &'static str,
}

pub const LIBRARIES: [Library; 3] = [
    Library {
        name: "pyseto",
        tool: "clients-python",
        program: "verify.py",
        forged: "VerifyError: Failed to verify.",
        expired: "VerifyError: Token expired.",
        not_yet: "VerifyError: Token has not been activated yet.",
        other_audience: "VerifyError: aud verification failed.",
        other_issuer: "VerifyError: iss verification failed.",
    },
    Library {
        name: "paseto 3",
        tool: "clients-node",
        program: "verify_paseto3.cjs",
        forged: "PasetoVerificationFailed: invalid signature",
        expired: "PasetoClaimInvalid: token is expired",
        // `iat` is looked at before `nbf`.
        not_yet: "PasetoClaimInvalid: token issued in the future",
        other_audience: "PasetoClaimInvalid: audience mismatch",
        other_issuer: "PasetoClaimInvalid: issuer mismatch",
    },
    Library {
        name: "paseto 4",
        tool: "clients-node",
        program: "verify_paseto4.cjs",
        forged: "InvalidTokenError: Token signature verification failed",
        expired: "ClaimValidationError: Token has expired",
        not_yet: "ClaimValidationError: Token is not active yet",
        other_audience: "ClaimValidationError: Unexpected \"aud\" claim",
        other_issuer: "ClaimValidationError: Unexpected \"iss\" claim",
    },
];

impl Library {
    /// The answers to questions, in their order. `None` where the library is not installed.
    fn answers(&self, questions: &[Value]) -> Option<Vec<Value>> {
        Some(self.lines(questions)?.iter().map(|line| serde_json::from_str(line).unwrap()).collect())
    }

    /// The same as they are printed: claims that a library takes for good need not be JSON for everybody.
    pub fn lines(&self, questions: &[Value]) -> Option<Vec<String>> {
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients").join(self.program);
        let lines: String = questions.iter().map(|question| format!("{question}\n")).collect();
        let output = run(Command::new(tool(self.tool)?).arg(program), &lines);
        let (said, complained) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{}: {complained} after {said}", self.program);
        let answers: Vec<_> = said.lines().map(str::to_owned).collect();
        assert_eq!(answers.len(), questions.len(), "{}: {complained}", self.program);
        Some(answers)
    }
}

/// A question that is answered with claims, unless something in it is changed.
fn question(key: &str, token: &str) -> Value {
    json!({"key": key, "token": token, "issuer": ISSUER, "audience": "countersign"})
}

fn with(mut question: Value, name: &str, value: &str) -> Value {
    question[name] = value.into();
    question
}

/// The key in the list that `key list --json` prints which signs, and its id.
fn public_key(server: &Binary) -> (String, String) {
    let output = server.run(&["key", "list", "--json"], "");
    let list: Value = serde_json::from_slice(&output.stdout).unwrap();
    let keys = list["keys"].as_array().unwrap();
    let key = keys.iter().find(|key| key["state"] == "KEY_STATE_ACTIVE").unwrap_or_else(|| panic!("{list}"));
    (key["key"].as_str().unwrap().to_owned(), key["keyId"].as_str().unwrap().to_owned())
}

/// A server that knows a user with roles and a name beyond ASCII.
async fn start() -> (Binary, Client) {
    let server = Binary::start(&["--audiences", "countersign,billing"]);
    let made = server.run(
        &["user", "create", "--username", NAME, "--role", "service", "--role", "admin", "--role", "billing"],
        PASSWORD,
    );
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let client = server.client().await;
    (server, client)
}

async fn issue(client: &Client, seconds: Option<i64>, audience: &str) -> IssueTokenResponse {
    let lifetime = seconds.map(|seconds| prost_types::Duration { seconds, nanos: 0 });
    let message = IssueTokenRequest { lifetime, audience: audience.to_owned(), ..Default::default() };
    client.issue(Credentials::Basic(NAME, PASSWORD), message).await.unwrap()
}

fn rfc3339(second: i64) -> String {
    Timestamp::from_second(second).unwrap().to_string()
}

fn expiry(issued: &IssueTokenResponse) -> i64 {
    issued.expire_time.unwrap().seconds
}

/// The token with a bit turned in a part of it: 2 is payload and signature, 3 the footer.
fn mutated(token: &str, part: usize, at: impl FnOnce(&[u8]) -> usize) -> String {
    let mut parts: Vec<_> = token.split('.').map(str::to_owned).collect();
    let mut bytes = URL_SAFE_NO_PAD.decode(&parts[part]).unwrap();
    let at = at(&bytes);
    bytes[at] ^= 1;
    parts[part] = URL_SAFE_NO_PAD.encode(bytes);
    parts.join(".")
}

/// Where the byte after a text is. With the last bit of that byte turned, the JSON around it stays JSON.
fn behind(bytes: &[u8], text: &str) -> usize {
    bytes.windows(text.len()).position(|window| window == text.as_bytes()).unwrap() + text.len()
}

fn expect_claims(claims: &Value, caller: &Caller, issued: &IssueTokenResponse) {
    let exp = expiry(issued);
    let iat = rfc3339(exp - issued.duration.unwrap().seconds);
    let expected = json!({
        "iss": ISSUER,
        "aud": caller.audience,
        "sub": caller.user_id,
        "iat": iat,
        "nbf": iat,
        "exp": rfc3339(caller.expire_time.unwrap().seconds),
        "jti": caller.token_id,
        "sid": caller.session_id,
        "ep": claims["ep"],
        "auth_time": iat,
        "name": caller.username,
        "roles": caller.roles,
        "amr": ["pwd"],
    });
    assert_eq!(*claims, expected);
    assert_eq!((caller.username.as_str(), caller.audience.as_str()), (NAME, "countersign"));
    assert_eq!(caller.roles, ["admin", "billing", "service"]);
}

#[tokio::test]
async fn libraries_read_from_a_token_what_greet_says_of_its_holder() {
    let (server, client) = start().await;
    let (key, key_id) = public_key(&server);
    let issued = issue(&client, None, "").await;
    let caller = client.caller(Credentials::Bearer(&issued.token)).await;
    assert_eq!(caller.key_id, key_id);
    for library in &LIBRARIES {
        // By its own clock, on which our times must not lie in the future.
        let Some(answers) = library.answers(&[question(&key, &issued.token)]) else { continue };
        let answer = &answers[0];
        assert!(answer["refused"].is_null(), "{}: {answer}", library.program);
        assert_eq!(answer["footer"], json!({"kid": key_id}), "{}", library.program);
        expect_claims(&answer["claims"], &caller, &issued);
    }
}

#[tokio::test]
async fn libraries_refuse_forged_foreign_expired_and_misdirected_tokens() {
    let (server, client) = start().await;
    let (elsewhere, other_client) = start().await;
    let ((key, _), (other_key, _)) = (public_key(&server), public_key(&elsewhere));
    let issued = issue(&client, None, "").await;
    let good = question(&key, &issued.token);
    let foreign = issue(&other_client, None, "").await;
    let billing = question(&key, &issue(&client, None, "billing").await.token);
    let brief = issue(&client, Some(1), "").await;
    let (born, dead) = (expiry(&brief) - 1, expiry(&brief));
    let brief = question(&key, &brief.token);
    let (without_footer, _) = issued.token.rsplit_once('.').unwrap();

    for library in &LIBRARIES {
        let mutant = |part, text: &str| {
            with(good.clone(), "token", &mutated(&issued.token, part, |bytes| behind(bytes, text)))
        };
        let of_signature = |back| mutated(&issued.token, 2, move |bytes| bytes.len() - back);
        let cases = [
            ("as it was issued", good.clone(), None),
            ("a name changed", mutant(2, r#""name":""#), Some(library.forged)),
            ("a role changed", mutant(2, r#""roles":[""#), Some(library.forged)),
            ("an end in a thousand years", mutant(2, r#""exp":""#), Some(library.forged)),
            ("the footer changed", mutant(3, "k4.pid."), Some(library.forged)),
            ("no footer", with(good.clone(), "token", without_footer), Some(library.forged)),
            (
                "a signature changed in R",
                with(good.clone(), "token", &of_signature(64)),
                Some(library.forged),
            ),
            ("a signature changed in S", with(good.clone(), "token", &of_signature(1)), Some(library.forged)),
            ("another instance's token", with(good.clone(), "token", &foreign.token), Some(library.forged)),
            ("another instance's key", with(good.clone(), "key", &other_key), Some(library.forged)),
            ("that key for that token", question(&other_key, &foreign.token), None),
            ("another issuer", with(good.clone(), "issuer", "elsewhere"), Some(library.other_issuer)),
            ("another audience", with(good.clone(), "audience", "billing"), Some(library.other_audience)),
            ("a token for another audience", billing.clone(), Some(library.other_audience)),
            ("that audience for that token", with(billing.clone(), "audience", "billing"), None),
            ("before its beginning", with(brief.clone(), "at", &rfc3339(born - 1)), Some(library.not_yet)),
            ("at its beginning", with(brief.clone(), "at", &rfc3339(born)), None),
            ("after its end", with(brief.clone(), "at", &rfc3339(dead + 1)), Some(library.expired)),
        ];
        let questions: Vec<_> = cases.iter().map(|(_, question, _)| question.clone()).collect();
        let Some(answers) = library.answers(&questions) else { continue };
        for ((case, _, refusal), answer) in cases.iter().zip(&answers) {
            assert_eq!(answer["refused"].as_str(), *refusal, "{case}: {} says {answer}", library.program);
        }
    }
}
