//! What a command prints, on standard output. A script takes exit 0 for a promise that it has the whole answer.

use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::os::fd::AsFd;

use super::Failure;

/// Prints `text` and ends the line. That nobody reads any more is no failure: `countersign user list | head -1` has what
/// it wanted.
pub(super) fn print(text: &str) -> Result<(), Failure> {
    match write_line(io::stdout(), text.trim_end()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::refused(format!("the answer could not be written to standard output: {error}")))
        }
        _ => Ok(()),
    }
}

/// Tells people something beside the answer, on standard error, which a script does not read.
pub(super) fn note(text: &str) {
    let _nobody_reads = writeln!(io::stderr(), "countersign: {}", text.trim_end());
}

/// To the descriptor itself: the standard library takes one that cannot be written to (EBADF) for one that takes
/// everything.
fn write_line(to: impl AsFd, text: &str) -> io::Result<()> {
    File::from(to.as_fd().try_clone_to_owned()?).write_all(format!("{text}\n").as_bytes())
}
