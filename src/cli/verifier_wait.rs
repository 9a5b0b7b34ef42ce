//! Waiting for verifiers: the argument of commands that revoke, and what it came to.

use clap::Arg;

use super::Failure;
use super::escape::escape;
use super::given::Given;
use crate::config;

const NAME: &str = "wait-for-verifiers";
const FLAG: &str = "--wait-for-verifiers";

/// How long a command waits, on the wire.
pub(super) type Wait = Option<prost_types::Duration>;

/// The argument.
pub(super) fn argument() -> Arg {
    Arg::new(NAME).long(NAME).value_name("SPAN").allow_negative_numbers(true).help(
        "Wait until all services that check tokens by themselves have applied it, at most this long, up to 10s; \
         if some have not, say which, and exit with 1",
    )
}

/// How long to wait; `None` outside if what was given is no span.
pub(super) fn read(given: &mut Given) -> Option<Wait> {
    let Some(text) = given.text(NAME) else { return Some(None) };
    match config::span(&text).map(prost_types::Duration::try_from) {
        Ok(Ok(span)) => Some(Some(span)),
        Ok(Err(_)) => {
            given.problems.add(FLAG, "must be at most 10s");
            None
        }
        Err(problem) => {
            given.problems.add(FLAG, problem);
            None
        }
    }
}

/// What a command ends with that has done what it should.
pub(super) fn check(pending: i32, names: &[String]) -> Result<(), Failure> {
    let who = match names {
        [] => String::new(),
        names => format!(": {}", names.iter().map(|name| escape(name)).collect::<Vec<_>>().join(", ")),
    };
    match pending {
        0 => Ok(()),
        1 => Err(Failure::refused(format!("it is done, but one verifier has not applied it yet{who}"))),
        count => {
            Err(Failure::refused(format!("it is done, but {count} verifiers have not applied it yet{who}")))
        }
    }
}
