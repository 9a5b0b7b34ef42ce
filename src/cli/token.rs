//! `countersign token …`: a token for a password, which is how whoever administers a server from a shell signs in; and
//! the end of its session, which is how they sign out.

use std::time::Duration;

use clap::{Arg, Command};

use super::given::Given;
use super::json::{self, Object};
use super::remote::{self, Remote};
use super::time::moment;
use super::verb::{self, Verb};
use super::verifier_wait::{self, Waited};
use super::{Failure, password, print};
use crate::config;
use crate::pb::auth::v1::{IssueTokenRequest, IssueTokenResponse, RevokeTokenRequest};

pub(super) const VERB: Verb = Verb { command, run: |given| verb::run_below(&VERBS, given) };

const VERBS: [Verb; 2] =
    [Verb { command: issue_command, run: issue }, Verb { command: revoke_command, run: revoke }];

fn command() -> Command {
    verb::group("token", "Work on tokens, through a running server", &VERBS)
}

fn issue_command() -> Command {
    let username =
        Arg::new("username").long("username").value_name("NAME").required(true).help("The user's name");
    let lifetime = Arg::new("lifetime")
        .long("lifetime")
        .value_name("SPAN")
        .allow_negative_numbers(true)
        .help("How long the token shall live, within what the server allows [default: the server's]");
    let audience = Arg::new("audience").long("audience").value_name("NAME").help(
        "The service that the token is for, one of the server's --audiences [default: Countersign itself]; \
         other services refuse it, and so does Countersign",
    );
    Command::new("issue")
        .about(
            "Sign in and print an access token; the password is asked for, or read from standard input. \
             Each call opens a session: token revoke ends it",
        )
        .args([username, lifetime, audience])
        .args(remote::arguments_without_token())
}

fn revoke_command() -> Command {
    Command::new("revoke")
        .about("Sign out: end the session of the token, and with it all tokens of that session")
        .arg(verifier_wait::argument())
        .args(remote::arguments())
}

fn issue(mut given: Given) -> Result<(), Failure> {
    let json = given.flag("json");
    let username = given.text("username").unwrap_or_default();
    let audience = given.text("audience").unwrap_or_default();
    let lifetime = read_lifetime(&mut given);
    let remote = Remote::read_without_token(&mut given);
    let (remote, lifetime) = given.problems.none_or(remote.zip(lifetime))?;
    let lifetime = lifetime.map(TryInto::try_into).transpose().map_err(Failure::refused)?;
    let password = password::ask()?.to_string();
    let request = IssueTokenRequest { username, password, lifetime, audience };
    let issued = remote.call(async |server| server.answer(server.auth().issue_token(request).await))?;
    print(&shown(&issued, json)?)
}

fn revoke(mut given: Given) -> Result<(), Failure> {
    let json = given.flag("json");
    let wait = verifier_wait::read(&mut given);
    let remote = Remote::read(&mut given);
    let (remote, wait_for_verifiers) = given.problems.none_or(remote.zip(wait))?;
    let request = RevokeTokenRequest { token: remote.token_text().to_owned(), wait_for_verifiers };
    let answer = remote.call(async |server| server.answer(server.auth().revoke_token(request).await))?;
    let waited = Waited::nameless(wait_for_verifiers, answer.verifiers_pending);
    // A server does not tell a session that it has ended from one that was over or that never was (RFC 7009). What goes
    // for services that check tokens by themselves is known only where they were waited for.
    let done = match waited.is_complete() {
        true => "no token of this session is good any more",
        false => "the server takes no token of this session any more",
    };
    print(&if json { json::render(&waited.add_to(Object::default()).into()) } else { done.to_owned() })?;
    waited.check()
}

/// The lifetime, if one was given; `None` outside if what was given is none.
fn read_lifetime(given: &mut Given) -> Option<Option<Duration>> {
    let Some(text) = given.text("lifetime") else { return Some(None) };
    config::span(&text).map(Some).map_err(|problem| given.problems.add("--lifetime", problem)).ok()
}

/// The token alone goes into a variable.
fn shown(issued: &IssueTokenResponse, json: bool) -> Result<String, Failure> {
    if json {
        let object = Object::default()
            .text("token", &issued.token)
            .time("expireTime", moment(issued.expire_time.as_ref()))
            .text("sessionId", &issued.session_id)
            .text("refreshToken", &issued.refresh_token);
        return Ok(json::render(&object.into()));
    }
    let token = &issued.token;
    let visible = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
    visible.then(|| token.clone()).ok_or_else(|| Failure::refused("the server's answer holds no token"))
}
