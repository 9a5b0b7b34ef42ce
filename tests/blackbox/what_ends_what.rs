//! What ends what: every way of ending tokens, and every way of coming through all the same. Calls in flight have read and
//! proven what they decide on before the end comes, and write after it.

use std::sync::Arc;

use countersign::pb::auth::v1::IssueTokenRequest;
use tokio::task::JoinHandle;

use crate::harness::{AdminClient, Client, Credentials, Gate, PASSWORD, Refused, TestServer, Tokens};
use Ending::*;
use Expected::{Good as G, Invalid as I, Revoked as R};

const CHANGED: &str = "changed by the ending";
const IN_FLIGHT: &str = "changed by a call in flight";

/// What happens to a user with two sessions, and to one of them first of all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    RevokeToken,
    RevokeSession,
    RevokeAllSessions,
    /// With `keep_current`: the one is kept, and the other ends.
    RevokeOthers,
    ChangePassword,
    ResetPassword,
    DisableUser,
    DeleteUser,
    SetRoles,
    RefreshTokenReuse,
}

/// What is tried then. "Other" is of the session that nobody named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Attempt {
    AccessToken,
    OtherAccessToken,
    RefreshToken,
    OtherRefreshToken,
    Password,
    TokenAsBasicName,
    Exchange,
    OtherExchange,
    SignInInFlight,
    ChangeInFlight,
    OtherChangeInFlight,
    RefreshInFlight,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expected {
    Good,
    /// TOKEN_REVOKED
    Revoked,
    /// CREDENTIALS_INVALID
    Invalid,
}

const ATTEMPTS: [Attempt; 12] = [
    Attempt::AccessToken,
    Attempt::OtherAccessToken,
    Attempt::RefreshToken,
    Attempt::OtherRefreshToken,
    Attempt::Password,
    Attempt::TokenAsBasicName,
    Attempt::Exchange,
    Attempt::OtherExchange,
    Attempt::SignInInFlight,
    Attempt::ChangeInFlight,
    Attempt::OtherChangeInFlight,
    Attempt::RefreshInFlight,
];

/// In the order of [`ATTEMPTS`], and how many sessions live on.
#[rustfmt::skip]
const TABLE: [(Ending, [Expected; ATTEMPTS.len()], i64); 10] = [
    //                access   refresh  pass- token  exchange  in flight:
    //                 other    other   word  as name   other  sign-in change other refresh
    (RevokeToken,       [R, G,    R, G,   G,    R,      R, G,    G,     R,    G,    R], 1),
    (RevokeSession,     [R, G,    R, G,   G,    R,      R, G,    G,     R,    G,    R], 1),
    (RevokeAllSessions, [R, R,    R, R,   G,    R,      R, R,    I,     R,    R,    R], 0),
    (RevokeOthers,      [G, R,    G, R,   G,    G,      G, R,    G,     G,    R,    G], 1),
    (ChangePassword,    [R, R,    R, R,   I,    R,      R, R,    I,     R,    R,    R], 1),
    (ResetPassword,     [R, R,    R, R,   I,    R,      R, R,    I,     R,    R,    R], 0),
    (DisableUser,       [R, R,    R, R,   I,    R,      R, R,    I,     R,    R,    R], 0),
    (DeleteUser,        [R, R,    R, R,   I,    R,      R, R,    I,     R,    R,    R], 0),
    (SetRoles,          [R, R,    G, G,   G,    R,      R, R,    I,     R,    R,    G], 2),
    (RefreshTokenReuse, [R, G,    R, G,   G,    R,      R, G,    G,     R,    G,    R], 1),
];

/// One user, for one cell of the table.
#[derive(Clone)]
struct Cell {
    client: Client,
    admin: AdminClient,
    name: String,
    user_id: String,
    /// Of the session concerned: what it was opened with is spent.
    spent: String,
    tokens: Tokens,
    other: Tokens,
}

impl Cell {
    async fn prepare(client: &Client, admin: &AdminClient, name: String) -> Self {
        let user_id = client.create_user(&name, PASSWORD).await.unwrap().user_id;
        let opened = client.open(&name, PASSWORD).await;
        let other = client.open(&name, PASSWORD).await;
        let refreshed = client.refresh(&opened.refresh_token, &[]).await.unwrap();
        let tokens =
            Tokens { token: refreshed.token, refresh_token: refreshed.refresh_token, ..opened.clone() };
        for held in [&opened, &tokens, &other] {
            client.greet(Credentials::Bearer(&held.token)).await.unwrap();
        }
        let (client, admin) = (client.clone(), admin.clone());
        Self { client, admin, name, user_id, spent: opened.refresh_token, tokens, other }
    }

    async fn end(&self, ending: Ending) {
        let (client, user_id) = (&self.client, &self.user_id);
        let bearer = Credentials::Bearer(&self.tokens.token);
        match ending {
            RevokeToken => client.revoke_token(&self.tokens.token).await.unwrap(),
            RevokeSession => client.revoke_session(bearer, &self.tokens.session_id).await.unwrap(),
            RevokeAllSessions => assert_eq!(client.revoke_all_sessions(bearer, "", false).await.unwrap(), 2),
            RevokeOthers => assert_eq!(client.revoke_all_sessions(bearer, "", true).await.unwrap(), 1),
            ChangePassword => {
                let fresh = client.change_password(bearer, PASSWORD, CHANGED).await.unwrap();
                client.greet(Credentials::Bearer(&fresh.token)).await.unwrap();
            }
            ResetPassword => {
                let code = self.admin.create_reset_code(user_id).await.unwrap().reset_code;
                client.reset_password(&code, CHANGED).await.unwrap();
            }
            DisableUser => assert!(self.admin.disable_user(user_id).await.unwrap().disabled),
            DeleteUser => client.delete_user(bearer, "me", PASSWORD).await.unwrap(),
            SetRoles => assert_eq!(self.admin.set_roles(user_id, &["new"]).await.unwrap().roles, ["new"]),
            RefreshTokenReuse => {
                let refused = client.refresh(&self.spent, &[]).await.unwrap_err();
                assert_eq!(refused, Refused::unauthenticated("REFRESH_TOKEN_REUSED"));
            }
        }
    }

    /// What comes of an attempt: a new access token, if it gives one.
    async fn attempt(&self, attempt: Attempt) -> Result<Option<String>, Refused> {
        let Self { client, tokens, other, name, .. } = self;
        let held = match attempt {
            Attempt::OtherAccessToken
            | Attempt::OtherRefreshToken
            | Attempt::OtherExchange
            | Attempt::OtherChangeInFlight => other,
            _ => tokens,
        };
        let bearer = Credentials::Bearer(&held.token);
        match attempt {
            Attempt::AccessToken | Attempt::OtherAccessToken => client.greet(bearer).await.map(|_| None),
            Attempt::Password => client.greet(Credentials::Basic(name, PASSWORD)).await.map(|_| None),
            Attempt::TokenAsBasicName => {
                client.greet(Credentials::Basic(&held.token, "x")).await.map(|_| None)
            }
            Attempt::RefreshToken | Attempt::OtherRefreshToken | Attempt::RefreshInFlight => {
                client.refresh(&held.refresh_token, &[1; 16]).await.map(|tokens| Some(tokens.token))
            }
            Attempt::Exchange | Attempt::OtherExchange => {
                client.issue(bearer, IssueTokenRequest::default()).await.map(|tokens| Some(tokens.token))
            }
            Attempt::SignInInFlight => {
                let issued = client.issue(Credentials::Basic(name, PASSWORD), IssueTokenRequest::default());
                issued.await.map(|tokens| Some(tokens.token))
            }
            Attempt::ChangeInFlight | Attempt::OtherChangeInFlight => {
                client.change_password(bearer, PASSWORD, IN_FLIGHT).await.map(|tokens| Some(tokens.token))
            }
        }
    }

    /// The same, on its way.
    fn start(&self, attempt: Attempt) -> JoinHandle<Result<Option<String>, Refused>> {
        let cell = self.clone();
        tokio::spawn(async move { cell.attempt(attempt).await })
    }
}

impl Attempt {
    /// For a call in flight: how often it draws randomness before it has read what it decides on.
    fn draws_before(self) -> Option<usize> {
        match self {
            // The id of an event that it may have to write.
            Self::RefreshInFlight => Some(1),
            Self::SignInInFlight | Self::ChangeInFlight | Self::OtherChangeInFlight => Some(0),
            _ => None,
        }
    }

    fn is_change(self) -> bool {
        matches!(self, Self::ChangeInFlight | Self::OtherChangeInFlight)
    }
}

async fn check(server: &TestServer, gate: &Gate, cell: &Cell, (ending, attempt): (Ending, Attempt)) -> i64 {
    let (_, expected, live) = TABLE.iter().find(|(listed, ..)| *listed == ending).unwrap();
    let expected = expected[ATTEMPTS.iter().position(|listed| *listed == attempt).unwrap()];
    let name = format!("{ending:?}, {attempt:?}");
    let got = if let Some(draws) = attempt.draws_before() {
        gate.close_after(draws);
        let call = cell.start(attempt);
        gate.reached().await;
        cell.end(ending).await;
        assert!(!call.is_finished(), "{name}");
        gate.open();
        call.await.unwrap()
    } else {
        cell.end(ending).await;
        cell.attempt(attempt).await
    };
    let changed = cell.client.greet(Credentials::Basic(&cell.name, IN_FLIGHT)).await.is_ok();
    assert_eq!(changed, attempt.is_change() && expected == G, "{name}");
    match (expected, got) {
        (G, got) => {
            let token = got.unwrap_or_else(|refused| panic!("{name}: {refused:?}"));
            if let Some(token) = token {
                let caller = cell.client.caller(Credentials::Bearer(&token)).await;
                let roles: &[&str] = if ending == SetRoles { &["new"] } else { &[] };
                assert_eq!(caller.roles, roles, "{name}");
            }
        }
        (R, got) => assert_eq!(got, Err(Refused::unauthenticated("TOKEN_REVOKED")), "{name}"),
        (I, got) => assert_eq!(got, Err(Refused::unauthenticated("CREDENTIALS_INVALID")), "{name}"),
    }
    let expected_live = match (attempt, expected) {
        (Attempt::SignInInFlight, G) => live + 1,
        (attempt, G) if attempt.is_change() => 1,
        _ => *live,
    };
    let id = cell.user_id.replace('-', "");
    let query = format!("SELECT COUNT(*) FROM sessions WHERE ended IS NULL AND user_id = x'{id}'");
    assert_eq!(server.query_number(&query).await, expected_live, "{name}");
    1
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_ending_against_every_attempt_to_come_through() {
    let gate = Arc::new(Gate::new(7));
    let server = TestServer::start_on(gate.clone()).await;
    let admin = server.admin("root").await;
    let client = server.client().await;
    let mut cells = 0;
    for (ending, ..) in TABLE {
        for attempt in ATTEMPTS {
            let cell = Cell::prepare(&client, &admin, format!("user{cells}")).await;
            cells += check(&server, &gate, &cell, (ending, attempt)).await;
        }
    }
    assert_eq!(cells, 120);
}

#[tokio::test]
async fn what_changes_nothing_ends_nothing() {
    let server = TestServer::start().await;
    let admin = server.admin("root").await;
    let client = server.client().await;
    let cell = Cell::prepare(&client, &admin, "alice".to_owned()).await;
    let roles = admin.set_roles(&cell.user_id, &[]).await.unwrap().roles;
    assert!(roles.is_empty());
    assert!(!admin.enable_user(&cell.user_id).await.unwrap().disabled);
    admin.create_reset_code(&cell.user_id).await.unwrap();
    assert_eq!(
        client.revoke_all_sessions(Credentials::Bearer(&cell.other.token), "", true).await.unwrap(),
        1
    );
    assert_eq!(
        client.revoke_all_sessions(Credentials::Bearer(&cell.other.token), "", true).await.unwrap(),
        0
    );
    client.greet(Credentials::Bearer(&cell.other.token)).await.unwrap();
    client.refresh(&cell.other.refresh_token, &[1; 16]).await.unwrap();
}

#[tokio::test]
async fn enabling_a_user_brings_nothing_back_but_the_password() {
    let server = TestServer::start().await;
    let admin = server.admin("root").await;
    let client = server.client().await;
    let cell = Cell::prepare(&client, &admin, "alice".to_owned()).await;
    cell.end(DisableUser).await;
    cell.end(DisableUser).await;
    assert!(!admin.enable_user(&cell.user_id).await.unwrap().disabled);
    for attempt in ATTEMPTS.into_iter().filter(|attempt| attempt.draws_before().is_none()) {
        let got = cell.attempt(attempt).await;
        if attempt == Attempt::Password {
            got.unwrap();
        } else {
            assert_eq!(got, Err(Refused::unauthenticated("TOKEN_REVOKED")), "{attempt:?}");
        }
    }
}
