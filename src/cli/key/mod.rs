//! `countersign key …`: signing keys, in the database itself and through a running server.

mod list;
mod revoke;
mod rewrap;
mod rotate;
mod shown;

use clap::Command;

use super::verb::{self, Verb};

pub(super) const VERB: Verb = Verb { command, run: |given| verb::run_below(&VERBS, given) };

const VERBS: [Verb; 4] = [list::VERB, rotate::VERB, revoke::VERB, rewrap::VERB];

fn command() -> Command {
    verb::group("key", "Work on signing keys", &VERBS)
}
