//! `countersign event list`: what happened.

use clap::{Arg, Command};
use serde_json::Value;

use super::given::Given;
use super::json::{self, Object};
use super::pages::{self, Page};
use super::remote::{self, Remote, Server};
use super::table::Table;
use super::time::{moment, to_second};
use super::user_argument::UserArgument;
use super::verb::{self, Verb};
use super::{Failure, print};
use crate::pb::auth::v1::{ListSecurityEventsRequest, SecurityEvent, SecurityEventKind};

/// What every name of a kind starts with and people do without.
const KIND_PREFIX: &str = "SECURITY_EVENT_KIND_";

/// What helps whoever asks for a name that nobody has any more. Events outlive their user, whose name is free again one day
/// and leads to another one then.
const OF_DELETED_USERS: &str = "; the events of a deleted user are listed with its id for --user, which event list shows \
     under USER_DELETED";

pub(super) const VERB: Verb = Verb { command, run: |given| verb::run_below(&VERBS, given) };

const VERBS: [Verb; 1] = [Verb { command: list_command, run: list }];

fn command() -> Command {
    verb::group("event", "Read what happened, through a running server", &VERBS)
}

fn list_command() -> Command {
    let user = Arg::new("user")
        .long("user")
        .value_name("USER")
        .help("Only what happened to this user: its id, or its name. What looks like an id is taken for one");
    Command::new("list")
        .about("List what happened, the latest first")
        .arg(user)
        .arg(pages::argument("How many at most [default: 50]"))
        .args(remote::arguments())
}

fn list(mut given: Given) -> Result<(), Failure> {
    let json = given.flag("json");
    let whose = UserArgument::read(&mut given, "--user");
    let limit = pages::limit(&mut given, 50);
    let remote = Remote::read(&mut given);
    let (remote, limit) = given.problems.none_or(remote.zip(limit))?;
    let events = remote.call(async |server| {
        let user_id = match &whose {
            Some(whose) => whose.id_or(server, OF_DELETED_USERS).await?,
            None => String::new(),
        };
        pages::follow(limit, async |page_size, page_token| {
            let user_id = user_id.clone();
            fetch(server, ListSecurityEventsRequest { page_size, page_token, user_id }).await
        })
        .await
    })?;
    print(&if json { as_json(&events) } else { as_table(&events) })
}

async fn fetch(
    server: &Server<'_>,
    request: ListSecurityEventsRequest,
) -> Result<Page<SecurityEvent>, Failure> {
    let answer = server.answer(server.admin().list_security_events(request).await)?;
    Ok(Page { items: answer.events, next: answer.next_page_token })
}

/// The kind's name; a kind that a later server knows is its number, as in proto3's JSON.
fn kind(event: &SecurityEvent) -> Result<&'static str, i32> {
    SecurityEventKind::try_from(event.kind).map(|kind| kind.as_str_name()).map_err(|_| event.kind)
}

fn as_json(events: &[SecurityEvent]) -> String {
    json::render(&Object::default().list("events", events.iter().map(to_json)).into())
}

fn to_json(event: &SecurityEvent) -> Value {
    Object::default()
        .text("eventId", &event.event_id)
        .value("kind", kind(event).map_or_else(Value::from, Value::from))
        .time("time", moment(event.time.as_ref()))
        .time("lastTime", moment(event.last_time.as_ref()))
        .long("count", event.count)
        .text("userId", &event.user_id)
        .text("actorId", &event.actor_id)
        .text("sessionId", &event.session_id)
        .text("peer", &event.peer)
        .text("detail", &event.detail)
        .into()
}

fn as_table(events: &[SecurityEvent]) -> String {
    let row = |event: &SecurityEvent| {
        let name = |name: &str| name.trim_start_matches(KIND_PREFIX).to_owned();
        [
            to_second(moment(event.time.as_ref())),
            to_second(moment(event.last_time.as_ref())),
            event.count.to_string(),
            kind(event).map_or_else(|number| number.to_string(), name),
            event.user_id.clone(),
            event.peer.clone(),
            event.actor_id.clone(),
            event.session_id.clone(),
            event.detail.clone(),
        ]
    };
    let headings = ["TIME", "LAST TIME", "COUNT", "EVENT", "USER", "PEER", "BY", "SESSION", "DETAIL"];
    Table::new(headings, events.iter().map(row)).to_string()
}
