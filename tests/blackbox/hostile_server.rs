//! The commands against a server that is not to be trusted: pages without an end, and texts that a terminal would obey.

use std::process::Output;

use countersign::pb::auth::v1 as pb;
use countersign::pb::auth::v1::admin_service_server::{AdminService, AdminServiceServer};
use prost_types::Timestamp;
use serde_json::{Value, json};
use tempfile::TempDir;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};
use tonic_types::{ErrorDetails, StatusExt};

use crate::harness::{countersign, run, said_no, said_yes};

/// Clears the screen, goes up a line and colours it, in every way that a terminal knows; and reverses what follows.
const HOSTILE: &str = "\u{1b}[2J\u{1b}[1A\r\n\u{9b}31m\u{7f}\u{202e}\u{2066}root";

/// Answers whatever is asked. To which user a name leads depends on the name.
struct Fake;

fn user(name: &str) -> pb::User {
    pb::User {
        user_id: name.to_owned(),
        username: name.to_owned(),
        roles: vec![name.to_owned()],
        create_time: Some(Timestamp { seconds: 1_767_225_600, nanos: 400_000_000 }),
        disabled: false,
    }
}

fn refuse<T>() -> Result<Response<T>, Status> {
    let details = ErrorDetails::with_error_info(HOSTILE, "auth.v1", []);
    Err(Status::with_error_details(tonic::Code::Internal, HOSTILE, details))
}

#[tonic::async_trait]
impl AdminService for Fake {
    async fn list_users(
        &self,
        request: Request<pb::ListUsersRequest>,
    ) -> Result<Response<pb::ListUsersResponse>, Status> {
        assert_eq!(request.metadata().get("authorization").unwrap(), "Bearer v4.public.x");
        let pb::ListUsersRequest { username, page_token, page_size } = request.into_inner();
        let page = |users: &[&str], next: &str| pb::ListUsersResponse {
            users: users.iter().map(|name| user(name)).collect(),
            next_page_token: next.to_owned(),
        };
        Ok(Response::new(match (username.as_str(), page_token.as_str()) {
            ("", "") => page(&vec!["x"; page_size.try_into().unwrap()], "second"),
            ("", "second") => page(&[HOSTILE], ""),
            ("two", _) => page(&["one", "other"], ""),
            _ => page(&[HOSTILE], ""),
        }))
    }

    async fn disable_user(
        &self,
        _: Request<pb::DisableUserRequest>,
    ) -> Result<Response<pb::DisableUserResponse>, Status> {
        Ok(Response::new(pb::DisableUserResponse::default()))
    }

    async fn enable_user(
        &self,
        request: Request<pb::EnableUserRequest>,
    ) -> Result<Response<pb::EnableUserResponse>, Status> {
        Ok(Response::new(pb::EnableUserResponse { user: Some(user(&request.into_inner().user_id)) }))
    }

    async fn set_roles(
        &self,
        _: Request<pb::SetRolesRequest>,
    ) -> Result<Response<pb::SetRolesResponse>, Status> {
        refuse()
    }

    async fn create_reset_code(
        &self,
        _: Request<pb::CreateResetCodeRequest>,
    ) -> Result<Response<pb::CreateResetCodeResponse>, Status> {
        // A time that there is not.
        let expire_time = Some(Timestamp { seconds: i64::MAX, nanos: -1 });
        Ok(Response::new(pb::CreateResetCodeResponse { reset_code: HOSTILE.to_owned(), expire_time }))
    }

    async fn rotate_key(
        &self,
        _: Request<pb::RotateKeyRequest>,
    ) -> Result<Response<pb::RotateKeyResponse>, Status> {
        refuse()
    }

    async fn revoke_key(
        &self,
        _: Request<pb::RevokeKeyRequest>,
    ) -> Result<Response<pb::RevokeKeyResponse>, Status> {
        refuse()
    }

    async fn list_verifiers(
        &self,
        _: Request<pb::ListVerifiersRequest>,
    ) -> Result<Response<pb::ListVerifiersResponse>, Status> {
        let verifier =
            pb::Verifier { instance: HOSTILE.to_owned(), peer: HOSTILE.to_owned(), ..Default::default() };
        Ok(Response::new(pb::ListVerifiersResponse { verifiers: vec![verifier], position: None }))
    }

    async fn list_security_events(
        &self,
        request: Request<pb::ListSecurityEventsRequest>,
    ) -> Result<Response<pb::ListSecurityEventsResponse>, Status> {
        let request = request.into_inner();
        let event = pb::SecurityEvent {
            kind: 4711,
            count: i64::MAX,
            peer: HOSTILE.to_owned(),
            detail: HOSTILE.to_owned(),
            time: Some(Timestamp { seconds: 1_767_225_600, nanos: 0 }),
            ..Default::default()
        };
        let events = vec![event; request.page_size.try_into().unwrap()];
        Ok(Response::new(pb::ListSecurityEventsResponse { events, next_page_token: "again".to_owned() }))
    }
}

/// The fake, on a free port; it ends with the test's runtime.
fn start() -> String {
    let incoming = TcpIncoming::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let url = format!("http://{}", incoming.local_addr().unwrap());
    let server = Server::builder().add_service(AdminServiceServer::new(Fake));
    tokio::spawn(server.serve_with_incoming(incoming));
    url
}

fn ask(url: &str, arguments: &[&str]) -> Output {
    let folder = TempDir::new().unwrap();
    let mut command = countersign(folder.path());
    command.args(arguments).env("COUNTERSIGN_SERVER", url).env("COUNTERSIGN_TOKEN", "v4.public.x");
    run(&mut command, "")
}

fn assert_harmless(shown: &str) {
    let obeyed = |c: char| c.is_control() && c != '\n' || matches!(c, '\u{202e}' | '\u{2066}');
    assert!(!shown.contains(obeyed), "{shown:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_a_server_says_is_obeyed_by_the_terminal() {
    let url = start();
    for arguments in [
        &["user", "list"][..],
        &["user", "show", "alice"],
        &["user", "enable", "alice"],
        &["user", "reset-code", "alice"],
        &["event", "list", "--limit", "1"],
    ] {
        let table = said_yes(&ask(&url, arguments));
        assert_harmless(&table);
        assert!(table.contains("\\u{1b}[2J\\u{1b}[1A\\r\\n\\u{9b}31m\\u{7f}\\u{202e}"), "{table}");
        let json = said_yes(&ask(&url, &[arguments, &["--json"]].concat()));
        assert_harmless(&json);
        assert!(serde_json::from_str::<Value>(&json).unwrap().to_string().contains("31m"), "{json}");
    }
    let said = said_no(1, &ask(&url, &["user", "set-roles", "alice", "admin"]));
    assert_harmless(&said);
    assert_eq!(said.lines().count(), 1, "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_are_followed_and_an_endless_list_is_given_up() {
    let url = start();
    let ask = |arguments: &[&str]| ask(&url, arguments);
    let list: Value = serde_json::from_str(&said_yes(&ask(&["user", "list", "--json"]))).unwrap();
    assert_eq!(list["users"].as_array().unwrap().len(), 201);
    assert_eq!(
        list["users"][200],
        json!({ "userId": HOSTILE, "username": HOSTILE, "roles": [HOSTILE], "createTime": "2026-01-01T00:00:00.400Z" })
    );
    assert_eq!(said_yes(&ask(&["user", "list"])).lines().count(), 202);
    assert_eq!(said_yes(&ask(&["user", "list", "--limit", "7"])).lines().count(), 8);

    let events: Value = serde_json::from_str(&said_yes(&ask(&["event", "list", "--json"]))).unwrap();
    assert_eq!(events["events"].as_array().unwrap().len(), 50, "the default");
    assert_eq!(
        events["events"][0],
        json!({
            "kind": 4711,
            "count": "9223372036854775807",
            "time": "2026-01-01T00:00:00Z",
            "peer": HOSTILE,
            "detail": HOSTILE,
        })
    );
    let said = said_no(1, &ask(&["event", "list", "--limit", "1000"]));
    assert!(said.contains("the same page"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_cannot_be_is_not_acted_on() {
    let url = start();
    let said = said_no(1, &ask(&url, &["user", "enable", "two"]));
    assert!(said.contains("several users of one name"), "{said}");
    let said = said_no(1, &ask(&url, &["user", "disable", "alice"]));
    assert!(said.contains("left out"), "{said}");
    let table = said_yes(&ask(&url, &["user", "reset-code", "alice"]));
    assert!(table.ends_with("  -\n"), "{table}");
}
