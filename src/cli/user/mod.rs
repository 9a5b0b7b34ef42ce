//! `countersign user …`: making the first user in the database itself, and working on users through a running server.

mod create;
mod delete;
mod list;
mod reset_code;
mod set_roles;
mod shown;
mod switch;

use clap::Command;

use super::verb::{self, Verb};

pub(super) const VERB: Verb = Verb { command, run: |given| verb::run_below(&VERBS, given) };

const VERBS: [Verb; 8] = [
    create::VERB,
    list::LIST,
    list::SHOW,
    switch::DISABLE,
    switch::ENABLE,
    set_roles::VERB,
    reset_code::VERB,
    delete::VERB,
];

fn command() -> Command {
    verb::group("user", "Work on users", &VERBS)
}
