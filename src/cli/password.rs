//! Asking for a password: on a terminal without showing it, otherwise the first line of standard input. Never an
//! argument, which everybody on the machine could read.

use std::io::{self, BufRead, IsTerminal};

use zeroize::Zeroizing;

use super::Failure;

/// Far above the longest password, so that an over-long one is refused by its rule and not cut.
const MOST: u64 = 64 * 1024;

/// The password of a user who has one.
pub(super) fn ask() -> Result<Zeroizing<String>, Failure> {
    read(1).map_err(refused)
}

/// The password of whoever does something to itself that a stolen token alone must not do.
pub(super) fn ask_own() -> Result<Zeroizing<String>, Failure> {
    read(1)
        .map_err(|error| Failure::refused(format!("this is your own user, and needs your password: {error}")))
}

/// A new password: typed twice on a terminal, since nobody sees what is typed.
pub(super) fn choose() -> Result<Zeroizing<String>, Failure> {
    read(2).map_err(refused)
}

fn refused(error: io::Error) -> Failure {
    Failure::refused(format!("no password: {error}"))
}

fn read(times: u8) -> io::Result<Zeroizing<String>> {
    if !io::stdin().is_terminal() {
        return read_line(io::stdin().lock());
    }
    let password = Zeroizing::new(rpassword::prompt_password("Password: ")?);
    if times > 1 && password != Zeroizing::new(rpassword::prompt_password("Again: ")?) {
        return Err(io::Error::other("the two are not the same"));
    }
    Ok(password)
}

fn read_line(input: impl BufRead) -> io::Result<Zeroizing<String>> {
    let mut line = Zeroizing::new(String::with_capacity(1024));
    input.take(MOST).read_line(&mut line)?;
    let end = line.trim_end_matches(['\n', '\r']).len();
    line.truncate(end);
    if line.is_empty() { Err(io::Error::other("standard input is empty")) } else { Ok(line) }
}
