//! Waiting for verifiers: the argument of commands that revoke, and what it came to.

use clap::Arg;

use super::Failure;
use super::escape::escape;
use super::given::Given;
use super::json::Object;
use crate::config;

const NAME: &str = "wait-for-verifiers";
const FLAG: &str = "--wait-for-verifiers";

/// How long a command waits, on the wire.
pub(super) type Wait = Option<prost_types::Duration>;

/// The argument.
pub(super) fn argument() -> Arg {
    Arg::new(NAME).long(NAME).value_name("SPAN").allow_negative_numbers(true).help(
        "Wait until all services that watch this server, the one of --server, have applied it, at most this long, up to \
         10s; if some have not, say which, and exit with 1. Services that watch another server of the same database are \
         not waited for",
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

/// What waiting came to; of a command that waits for nobody, nothing.
#[derive(Default)]
pub(super) struct Waited {
    asked: bool,
    pending: i32,
    /// `None` where a server tells only how many there are.
    names: Option<Vec<String>>,
}

impl Waited {
    /// What a server answered.
    pub(super) fn of(wait: Wait, pending: i32, names: Vec<String>) -> Self {
        Self { asked: wait.is_some(), pending, names: Some(names) }
    }

    /// What a server answered that tells no names.
    pub(super) fn nameless(wait: Wait, pending: i32) -> Self {
        Self { asked: wait.is_some(), pending, names: None }
    }

    /// Whether all have applied it, of those who were to be waited for.
    pub(super) fn is_complete(&self) -> bool {
        self.asked && self.pending == 0
    }

    /// The same for programs, with the names that the RPCs' answers have: whoever has asked for it finds it, also where it
    /// is nothing.
    pub(super) fn add_to(&self, object: Object) -> Object {
        if !self.asked {
            return object;
        }
        let object = object.value("verifiersPending", self.pending);
        match &self.names {
            Some(names) => object.list("pendingVerifiers", names.iter().map(|name| name.as_str().into())),
            None => object,
        }
    }

    /// What a command ends with that has done what it should.
    pub(super) fn check(&self) -> Result<(), Failure> {
        let who = match self.names.as_deref().unwrap_or_default() {
            [] => String::new(),
            names => format!(": {}", names.iter().map(|name| escape(name)).collect::<Vec<_>>().join(", ")),
        };
        let how_many = match self.pending {
            0 => return Ok(()),
            1 => "one verifier has".to_owned(),
            count => format!("{count} verifiers have"),
        };
        Err(Failure::refused(format!("it is done, but {how_many} not applied it yet{who}")))
    }
}
