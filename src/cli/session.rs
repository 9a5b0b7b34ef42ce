//! `countersign session …`: the sessions of a user, and their end.

use clap::{Arg, Command};
use serde_json::Value;

use super::given::Given;
use super::json::{self, Object};
use super::remote::{self, Remote};
use super::table::Table;
use super::time::{moment, to_second};
use super::user_argument::UserArgument;
use super::verb::{self, Verb};
use super::verifier_wait::{self, Waited};
use super::{Failure, print};
use crate::domain::SessionId;
use crate::pb::auth::v1::{ListSessionsRequest, RevokeAllSessionsRequest, RevokeSessionRequest, Session};

pub(super) const VERB: Verb = Verb { command, run: |given| verb::run_below(&VERBS, given) };

const VERBS: [Verb; 3] = [
    Verb { command: list_command, run: list },
    Verb { command: revoke_command, run: revoke },
    Verb { command: revoke_all_command, run: revoke_all },
];

fn command() -> Command {
    verb::group("session", "Work on sessions, through a running server", &VERBS)
}

fn list_command() -> Command {
    Command::new("list")
        .about("List the live sessions of a user, the last used first")
        .arg(UserArgument::argument())
        .args(remote::arguments())
}

fn revoke_command() -> Command {
    let session = Arg::new("session").value_name("SESSION").required(true).help("The session's id");
    Command::new("revoke")
        .about("End a session; its tokens are refused from then on")
        .args([session, verifier_wait::argument()])
        .args(remote::arguments())
}

fn revoke_all_command() -> Command {
    Command::new("revoke-all")
        .about("End all sessions of a user")
        .args([UserArgument::argument(), verifier_wait::argument()])
        .args(remote::arguments())
}

fn list(mut given: Given) -> Result<(), Failure> {
    let json = given.flag("json");
    let whose = UserArgument::read(&mut given, "USER");
    let remote = Remote::read(&mut given);
    let (remote, whose) = given.problems.none_or(remote.zip(whose))?;
    let sessions = remote.call(async |server| {
        let request = ListSessionsRequest { user_id: whose.id(server).await? };
        Ok(server.answer(server.auth().list_sessions(request).await)?.sessions)
    })?;
    print(&if json { as_json(&sessions) } else { as_table(&sessions) })
}

fn revoke(mut given: Given) -> Result<(), Failure> {
    let json = given.flag("json");
    let session = given.text("session").and_then(|text| SessionId::parse(&text).ok());
    if session.is_none() {
        given.problems.add("SESSION", "must be the id of a session, as session list shows it");
    }
    let wait = verifier_wait::read(&mut given);
    let remote = Remote::read(&mut given);
    let (remote, (session, wait_for_verifiers)) = given.problems.none_or(remote.zip(session.zip(wait)))?;
    let request = RevokeSessionRequest { session_id: session.to_string(), wait_for_verifiers };
    let answer = remote.call(async |server| server.answer(server.auth().revoke_session(request).await))?;
    let waited = Waited::of(wait_for_verifiers, answer.verifiers_pending, answer.pending_verifiers);
    print(&if json {
        json::render(&waited.add_to(Object::default()).into())
    } else {
        format!("ended {session}")
    })?;
    waited.check()
}

fn revoke_all(mut given: Given) -> Result<(), Failure> {
    let json = given.flag("json");
    let whose = UserArgument::read(&mut given, "USER");
    let wait = verifier_wait::read(&mut given);
    let remote = Remote::read(&mut given);
    let (remote, (whose, wait_for_verifiers)) = given.problems.none_or(remote.zip(whose.zip(wait)))?;
    let answer = remote.call(async |server| {
        let user_id = whose.id(server).await?;
        let request = RevokeAllSessionsRequest { user_id, keep_current: false, wait_for_verifiers };
        server.answer(server.auth().revoke_all_sessions(request).await)
    })?;
    let count = answer.revoked_count;
    let waited = Waited::of(wait_for_verifiers, answer.verifiers_pending, answer.pending_verifiers);
    print(&if json {
        json::render(&waited.add_to(Object::default().number("revokedCount", count)).into())
    } else {
        format!("ended {count} session{}", if count == 1 { "" } else { "s" })
    })?;
    waited.check()
}

fn as_json(sessions: &[Session]) -> String {
    json::render(&Object::default().list("sessions", sessions.iter().map(to_json)).into())
}

fn to_json(session: &Session) -> Value {
    Object::default()
        .text("sessionId", &session.session_id)
        .time("createTime", moment(session.create_time.as_ref()))
        .time("lastUseTime", moment(session.last_use_time.as_ref()))
        .time("expireTime", moment(session.expire_time.as_ref()))
        .text("userAgent", &session.user_agent)
        .text("peer", &session.peer)
        .flag("current", session.current)
        .into()
}

fn as_table(sessions: &[Session]) -> String {
    let row = |session: &Session| {
        [
            session.session_id.clone(),
            to_second(moment(session.create_time.as_ref())),
            to_second(moment(session.last_use_time.as_ref())),
            to_second(moment(session.expire_time.as_ref())),
            if session.current { "yes" } else { "" }.to_owned(),
            session.peer.clone(),
            session.user_agent.clone(),
        ]
    };
    let headings = ["SESSION ID", "CREATED", "LAST USED", "EXPIRES", "CURRENT", "PEER", "USER AGENT"];
    Table::new(headings, sessions.iter().map(row)).to_string()
}
