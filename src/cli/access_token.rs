//! The token that a command calls a server with. It comes from a variable or a file and never from an argument, which
//! everybody on the machine could read.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::fs::MetadataExt;

use clap::Arg;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::{Request, Status};
use zeroize::Zeroizing;

use super::given::Given;
use super::refusal;
use crate::config::TOKEN_VARIABLE;

/// More than any token has, and little enough to read from whatever was named by mistake.
const MOST_BYTES: u64 = 16 * 1024;

/// What stands before a token in `authorization`.
const SCHEME: &str = "Bearer ";

/// The value of `authorization`, marked so that it prints as nothing.
#[derive(Clone)]
pub(super) struct AccessToken(MetadataValue<Ascii>);

impl AccessToken {
    /// The argument beside the variable.
    pub(super) fn argument() -> Arg {
        Arg::new("token-file").long("token-file").value_name("PATH").help(format!(
            "A file whose first line is the token to call with, instead of the variable {TOKEN_VARIABLE}"
        ))
    }

    /// The token that was given. If there is none, or none that can be used, that is noted.
    pub(super) fn read(given: &mut Given) -> Option<Self> {
        let file = given.text("token-file");
        let variable = given.variables.get(TOKEN_VARIABLE).filter(|token| !token.trim().is_empty());
        let (place, token) = match (file, variable) {
            (Some(path), _) => ("--token-file", read_file(&path)),
            (None, Some(token)) => (TOKEN_VARIABLE, Ok(Zeroizing::new(token.clone()))),
            (None, None) => (TOKEN_VARIABLE, Err(missing())),
        };
        match token.and_then(|token| Self::parse(&token)) {
            Ok(token) => Some(token),
            Err(problem) => {
                given.problems.add(place, problem);
                None
            }
        }
    }

    /// The token alone, for a call that is about it.
    pub(super) fn text(&self) -> &str {
        self.0.to_str().ok().and_then(|value| value.strip_prefix(SCHEME)).unwrap_or_default()
    }

    fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let visible = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        let value = Zeroizing::new(format!("{SCHEME}{text}"));
        let value = visible.then(|| MetadataValue::try_from(value.as_str()).ok()).flatten();
        let mut value = value.ok_or("does not hold a token, one line of visible ASCII characters")?;
        value.set_sensitive(true);
        Ok(Self(value))
    }
}

fn missing() -> String {
    format!(
        "is not set, and there is no --token-file. An admin's token is made with: \
         export {TOKEN_VARIABLE}=$(countersign token issue --username NAME)"
    )
}

fn read_file(path: &str) -> Result<Zeroizing<String>, String> {
    let failed = |error: io::Error| format!("the file {path} cannot be read: {error}");
    let file = File::open(path).map_err(failed)?;
    // Asked of what was opened: under the same name there may be another file by now. Of a pipe that a shell made for
    // this command the mode says nothing.
    let metadata = file.metadata().map_err(failed)?;
    if metadata.is_file() && metadata.mode() & 0o004 != 0 {
        return Err(format!("the file {path} can be read by everybody: run chmod 600 {path}"));
    }
    let mut line = Zeroizing::new(String::with_capacity(1024));
    BufReader::new(file).take(MOST_BYTES).read_line(&mut line).map_err(failed)?;
    Ok(line)
}

/// Puts the token, if there is one, on every call of a client.
#[derive(Clone)]
pub(super) struct Authorization(pub(super) Option<AccessToken>);

impl Interceptor for Authorization {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        if let Some(AccessToken(value)) = &self.0 {
            request.metadata_mut().insert("authorization", value.clone());
        }
        // Without it a server gives up after 15 s.
        request.set_timeout(refusal::PATIENCE);
        Ok(request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_one_visible_word_and_does_not_print() {
        let token = AccessToken::parse("v4.public.hunter2\n").unwrap();
        assert_eq!(token.text(), "v4.public.hunter2");
        let AccessToken(value) = token;
        assert_eq!(value.to_str().unwrap(), "Bearer v4.public.hunter2");
        assert!(!format!("{value:?}").contains("hunter2"));
        for text in ["", " \n", "two words", "v4.public.ä", "a\u{1b}b", "a\nb"] {
            let problem = AccessToken::parse(text).map(|_| ()).unwrap_err();
            assert!(problem.contains("one line"), "{problem}");
        }
    }
}
