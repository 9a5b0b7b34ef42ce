//! Asking whether something is meant that cannot be taken back.

use std::io::{self, BufRead, IsTerminal, Read, Write};

use clap::{Arg, ArgAction};

use super::Failure;
use super::given::Given;

/// Whether anybody is to be asked.
#[derive(Clone, Copy)]
pub(super) struct Confirm {
    is_meant: bool,
}

/// The switch that says that it is meant.
pub(super) fn argument() -> Arg {
    Arg::new("yes")
        .long("yes")
        .action(ArgAction::SetTrue)
        .help("Do not ask whether it is meant; needed where standard input is not a terminal")
}

/// Reads the switch; without it there must be somebody to ask.
pub(super) fn read(given: &mut Given) -> Option<Confirm> {
    let is_meant = given.flag("yes");
    if is_meant || io::stdin().is_terminal() {
        return Some(Confirm { is_meant });
    }
    given.problems.add("--yes", "is needed where nobody can be asked: standard input is not a terminal");
    None
}

impl Confirm {
    /// Whether it was said on the command line that it is meant.
    pub(super) fn is_meant(self) -> bool {
        self.is_meant
    }

    /// Goes on once somebody has said yes to `question`, a sentence.
    pub(super) fn ask(self, question: &str) -> Result<(), Failure> {
        if self.is_meant {
            return Ok(());
        }
        let mut error = io::stderr();
        let asked = format!("{question} Type yes: ");
        error.write_all(asked.as_bytes()).and_then(|()| error.flush()).map_err(Failure::refused)?;
        let mut answer = String::new();
        io::stdin().lock().take(1024).read_line(&mut answer).map_err(Failure::refused)?;
        if answer.trim() == "yes" { Ok(()) } else { Err(Failure::refused("nothing was done")) }
    }
}
