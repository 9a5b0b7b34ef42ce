//! From where a call came, as it is shown to whoever looks after an account: an address, and what the client calls
//! itself. Proves nothing.

use std::net::IpAddr;

/// The longest user agent that is kept, in characters.
const MAX_CHARS: usize = 256;

/// Where a call came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The address at the other end, if it is known.
    pub address: Option<IpAddr>,
    /// What the client calls itself.
    pub user_agent: UserAgent,
}

/// What a client calls itself: printable, at most 256 characters, empty if it said nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserAgent(String);

impl Origin {
    /// From nowhere that is known.
    #[must_use]
    pub fn unknown() -> Self {
        Self { address: None, user_agent: UserAgent::default() }
    }
}

impl UserAgent {
    /// What is left of `text` that can be shown on one line: it is a stranger's.
    #[must_use]
    pub fn cleaned(text: &str) -> Self {
        let printable =
            |c: &char| *c == ' ' || c.is_ascii_graphic() || (!c.is_ascii() && c.is_alphanumeric());
        Self(text.chars().filter(printable).take(MAX_CHARS).collect())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_agent_is_one_printable_line_of_bounded_length() {
        let cleaned = |text: &str| UserAgent::cleaned(text).as_str().to_owned();
        assert_eq!(cleaned("grpc-python/1.76.0 (linux; chttp2)"), "grpc-python/1.76.0 (linux; chttp2)");
        assert_eq!(cleaned("a\r\nb\u{1b}[2Jc\u{202e}d\u{0}é"), "ab[2Jcdé");
        assert_eq!(cleaned(&"x".repeat(5000)).len(), 256);
        assert_eq!(cleaned(""), "");
    }
}
