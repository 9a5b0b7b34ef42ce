//! The binary: prepares the process and hands over to the command line.

use std::process::ExitCode;

use countersign::cli;
#[cfg(target_os = "linux")]
use rustix::process::{DumpableBehavior, set_dumpable_behavior};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    forbid_core_dumps();
    allow_many_connections();
    cli::run(std::env::args_os(), variables())
}

/// A core dump would hold every key and password that is in memory.
fn forbid_core_dumps() {
    // Lowering a limit is always allowed; where it is not, nothing is worse than before.
    let _unchanged = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    // The limit does not hold for dumps that the kernel pipes into a program; this does, and it keeps other processes of
    // the same user out of this one's memory.
    #[cfg(target_os = "linux")]
    let _unchanged = set_dumpable_behavior(DumpableBehavior::NotDumpable);
}

/// The soft limit on open files is often 1024, a tenth of the connections that are served.
fn allow_many_connections() {
    let limit = getrlimit(Resource::Nofile);
    let _unchanged = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
}

/// Variables that are not Unicode are none of ours.
fn variables() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}
