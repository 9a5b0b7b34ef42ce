//! Three replicas on one PostgreSQL, under a mixed load, while everything goes wrong that can: processes are killed and
//! frozen, networks cut and silent, the database restarted, frozen, and replaced by its standby. Afterwards the history of
//! each user is compared with a model: nothing acknowledged is lost, nothing ended lives, nobody is logged out by a fault.
//!
//! `COUNTERSIGN_TEST_SEED` and `COUNTERSIGN_TEST_SECONDS` choose the faults and how long it goes on. A failure prints both, and
//! what led to it. What is in time and what is not is left to chance: the same seed gives the same plan, not the same history.

mod faults;
mod history;
mod person;
mod replicas;
mod rules;
mod rules_tests;
mod wire;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use crate::harness::{asked, on_postgres};
use crate::model::Chance;
use history::{Answer, Record};
use person::Person;
use replicas::Replicas;

/// How long it goes on if nothing else is asked for.
const SECONDS: u64 = 60;
const SEED: u64 = 20_260_101;
const PEOPLE: u64 = 6;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_whatever_goes_wrong() {
    if !on_postgres() {
        return; // A file of SQLite is for one machine.
    }
    let seed = asked("COUNTERSIGN_TEST_SEED").unwrap_or(SEED);
    let span = Duration::from_secs(asked("COUNTERSIGN_TEST_SECONDS").unwrap_or(SECONDS));
    tell(format_args!("COUNTERSIGN_TEST_SEED={seed} COUNTERSIGN_TEST_SECONDS={}", span.as_secs()));
    let Some(replicas) = Replicas::start().await else { return };
    let replicas = Arc::new(replicas);
    let mut people = JoinSet::new();
    for number in 0..PEOPLE {
        let seed = seed.wrapping_mul(1000).wrapping_add(number);
        people.spawn(Person::new(Arc::clone(&replicas), format!("person{number}"), seed).live(span));
    }
    faults::rage(&replicas, &Chance::new(seed), span).await;
    let mut answered = BTreeMap::new();
    for mut person in people.join_all().await {
        person.look_back().await;
        if let Err(wrong) = rules::check(&person.records, &replicas.disturbances()) {
            replicas.give_up(&wrong);
        }
        count(&person.records, &mut answered);
    }
    tell(format_args!("{answered:#?}"));
    for call in ["CreateUser", "SignIn", "Refresh", "RevokeToken", "RevokeSession", "SetRoles", "Greet"] {
        assert!(answered.keys().any(|one| one.starts_with(call)), "{call} was never answered: {answered:?}");
    }
}

/// Says how far it is, for whoever looks on, and for whoever has to find out what went wrong.
#[expect(clippy::print_stdout, reason = "the output of a test that fails is shown")]
fn tell(what: std::fmt::Arguments<'_>) {
    println!("{what}");
}

fn count(records: &[Record], answered: &mut BTreeMap<String, usize>) {
    for record in records {
        let call = format!("{:?}", record.call);
        let call = call.split(' ').next().unwrap();
        let answer = match &record.answer {
            Answer::Refused(reason) => reason,
            Answer::Unknown => "unknown",
            _ => "ok",
        };
        *answered.entry(format!("{call} {answer}")).or_default() += 1;
    }
}
