//! `countersign verifier list`: the services that check tokens by themselves, and how far each of them is.

use std::time::Duration;

use clap::Command;
use serde_json::Value;

use super::given::Given;
use super::json::{self, Object};
use super::remote::{self, Remote};
use super::table::Table;
use super::time::{moment, to_second};
use super::verb::{self, Verb};
use super::{Failure, print};
use crate::pb::auth::v1::{ListVerifiersRequest, ListVerifiersResponse, TrustPosition, Verifier};

pub(super) const VERB: Verb = Verb { command, run: |given| verb::run_below(&VERBS, given) };

const VERBS: [Verb; 1] = [Verb { command: list_command, run: list }];

fn command() -> Command {
    verb::group("verifier", "See who checks tokens by itself, through a running server", &VERBS)
}

fn list_command() -> Command {
    Command::new("list")
        .about(
            "List the services that watch this server for revocations: how many positions of the log each is behind, \
             how long ago it reported, and until when it accepts tokens by what it knows if it reports no more",
        )
        .args(remote::arguments())
}

fn list(mut given: Given) -> Result<(), Failure> {
    let json = given.flag("json");
    let remote = Remote::read(&mut given);
    let remote = given.problems.none_or(remote)?;
    let request = ListVerifiersRequest {};
    let answer = remote.call(async |server| server.answer(server.admin().list_verifiers(request).await))?;
    print(&if json { as_json(&answer) } else { as_table(&answer.verifiers) })
}

fn as_json(answer: &ListVerifiersResponse) -> String {
    let object = Object::default().list("verifiers", answer.verifiers.iter().map(to_json));
    json::render(&with_position(object, "position", answer.position.as_ref()).into())
}

fn with_position(object: Object, name: &str, position: Option<&TrustPosition>) -> Object {
    let Some(position) = position else { return object };
    let shown =
        Object::default().bytes("incarnation", &position.incarnation).long("sequence", position.sequence);
    object.value(name, shown)
}

fn to_json(verifier: &Verifier) -> Value {
    let object = Object::default()
        .text("instance", &verifier.instance)
        .text("userId", &verifier.user_id)
        .text("peer", &verifier.peer)
        .flag("connected", verifier.connected)
        .time("connectTime", moment(verifier.connect_time.as_ref()));
    with_position(object, "applied", verifier.applied.as_ref())
        .long("behind", verifier.behind)
        .text("silence", &span(verifier.silence.as_ref()))
        .text("maxStaleness", &span(verifier.max_staleness.as_ref()))
        .time("leaseExpireTime", moment(verifier.lease_expire_time.as_ref()))
        .into()
}

fn as_table(verifiers: &[Verifier]) -> String {
    let row = |verifier: &Verifier| {
        [
            verifier.instance.clone(),
            if verifier.connected { "connected" } else { "absent" }.to_owned(),
            verifier.behind.to_string(),
            span(verifier.silence.as_ref()),
            span(verifier.max_staleness.as_ref()),
            to_second(moment(verifier.lease_expire_time.as_ref())),
            verifier.peer.clone(),
            verifier.user_id.clone(),
        ]
    };
    let headings =
        ["INSTANCE", "STATE", "BEHIND", "SILENT FOR", "MAX STALENESS", "LEASE UNTIL", "PEER", "USER"];
    Table::new(headings, verifiers.iter().map(row)).to_string()
}

/// As proto3's JSON has a span: seconds, with the digits after the point that are needed, to the millisecond.
fn span(span: Option<&prost_types::Duration>) -> String {
    let Some(span) = span.and_then(|span| Duration::try_from(*span).ok()) else { return String::new() };
    match span.subsec_millis() {
        0 => format!("{}s", span.as_secs()),
        millis => format!("{}.{millis:03}s", span.as_secs()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_shown_to_the_millisecond() {
        let shown = |seconds, nanos| span(Some(&prost_types::Duration { seconds, nanos }));
        assert_eq!(shown(30, 0), "30s");
        assert_eq!(shown(0, 412_345_678), "0.412s");
        assert_eq!(shown(2, 5_000_000), "2.005s");
        assert_eq!(span(None), "");
    }
}
