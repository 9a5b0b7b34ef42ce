//! `countersign user …`: making the first user in the database itself.

mod create;

use clap::Command;

use super::verb::{self, Verb};

pub(super) const VERB: Verb = Verb { command, run: |given| verb::run_below(&VERBS, given) };

const VERBS: [Verb; 1] = [create::VERB];

fn command() -> Command {
    verb::group("user", "Work on users", &VERBS)
}
