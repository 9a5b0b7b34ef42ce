//! `countersign master-key new`: prints a master key for an operator to keep.

use clap::Command;

use super::given::Given;
use super::verb::{self, Verb};
use super::{Failure, print};
use crate::crypto::MasterKey;
use crate::server::SystemEntropy;

pub(super) const VERB: Verb = Verb { command, run: |given| verb::run_below(&VERBS, given) };

const VERBS: [Verb; 1] = [Verb { command: new_command, run: print_new }];

fn command() -> Command {
    verb::group("master-key", "Work on master keys", &VERBS)
}

fn new_command() -> Command {
    Command::new("new").about("Print a new master key, one line k4.local.…, for a file of mode 0600")
}

fn print_new(given: Given) -> Result<(), Failure> {
    given.problems.none_or(Some(()))?;
    print(&MasterKey::generate(&SystemEntropy).to_paserk())
}
