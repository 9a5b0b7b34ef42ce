//! `countersign completions`: what a shell needs to complete the command line.

use clap::{Arg, Command, value_parser};
use clap_complete::Shell;

use super::given::Given;
use super::verb::Verb;
use super::{Failure, print};

pub(super) const VERB: Verb = Verb { command, run };

fn command() -> Command {
    let shell = Arg::new("shell")
        .value_name("SHELL")
        .required(true)
        .value_parser(value_parser!(Shell))
        .help("The shell that shall complete");
    Command::new("completions")
        .about("Print a script that completes this command line, for instance: source <(countersign completions bash)")
        .arg(shell)
}

fn run(given: Given) -> Result<(), Failure> {
    let shell = given.matches.get_one::<Shell>("shell").copied();
    let shell = given.problems.none_or(shell)?;
    let mut command = (given.whole)();
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, "countersign", &mut script);
    print(&String::from_utf8_lossy(&script))
}
