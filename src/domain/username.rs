//! User names: shown as typed, unique and compared in a mapped form (PRECIS UsernameCaseMapped, RFC 8265), so that
//! `Alice`, `alice` and `ＡＬＩＣＥ` are one person on every database alike.

use std::fmt;

use precis_profiles::UsernameCaseMapped;
use precis_profiles::precis_core::profile::Profile;

/// The longest name, in characters after mapping.
const MAX_CHARS: usize = 64;
/// The longest name as typed, in bytes: four a character. Names ride in tokens, whose size is bounded, and mapping a
/// text costs the more the longer it is.
const MAX_BYTES: usize = 256;
/// A name that starts like a credential could be taken for one where names and tokens share a field.
const CREDENTIAL_PREFIXES: [&str; 3] = ["v4.", "k4.", "csr_"];

/// A user's name.
#[derive(Clone, PartialEq, Eq)]
pub struct Username {
    shown: String,
    mapped: String,
}

/// The rule that a text breaks as a user name.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
pub enum UsernameRule {
    /// Nothing there.
    #[error("must not be empty")]
    Empty,
    /// Longer than 64 characters after mapping, or 256 bytes as typed.
    #[error("must have at most 64 characters and 256 bytes")]
    TooLong,
    /// Holds a colon, which separates name and password in Basic.
    #[error("must not contain ':'")]
    Colon,
    /// Starts like a token or a key.
    #[error("must not start with 'v4.', 'k4.' or 'csr_'")]
    LooksLikeCredential,
    /// RFC 8265 does not allow it: spaces, control characters, symbols, mixed directions.
    #[error(
        "must consist of letters, digits and ASCII punctuation, without spaces, symbols and mixed directions \
         (RFC 8265, UsernameCaseMapped)"
    )]
    Characters,
}

impl Username {
    /// Reads a name from outside text.
    pub fn parse(text: &str) -> Result<Self, UsernameRule> {
        if text.is_empty() {
            return Err(UsernameRule::Empty);
        }
        if text.len() > MAX_BYTES {
            return Err(UsernameRule::TooLong);
        }
        let mapped =
            UsernameCaseMapped::new().enforce(text).map_err(|_| UsernameRule::Characters)?.into_owned();
        if mapped.chars().count() > MAX_CHARS {
            return Err(UsernameRule::TooLong);
        }
        if mapped.contains(':') {
            return Err(UsernameRule::Colon);
        }
        if CREDENTIAL_PREFIXES.iter().any(|prefix| mapped.starts_with(prefix)) {
            return Err(UsernameRule::LooksLikeCredential);
        }
        Ok(Self { shown: text.to_owned(), mapped })
    }

    /// The name as it was typed.
    #[must_use]
    pub fn shown(&self) -> &str {
        &self.shown
    }

    /// The form that is unique.
    #[must_use]
    pub fn mapped(&self) -> &str {
        &self.mapped
    }
}

/// Escaped, because a name in a log must not break its line.
impl fmt::Debug for Username {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Username({:?})", self.shown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_width_and_composition_do_not_make_another_name() {
        for (one, other) in
            [("Alice", "alice"), ("ＡＬＩＣＥ", "alice"), ("Ångström", "A\u{30a}ngstro\u{308}m")]
        {
            assert_eq!(Username::parse(one).unwrap().mapped(), Username::parse(other).unwrap().mapped());
        }
        assert_eq!(Username::parse("Alice").unwrap().shown(), "Alice");
    }

    #[test]
    fn each_broken_rule_is_named() {
        for (text, rule) in [
            ("", UsernameRule::Empty),
            (&"a".repeat(65), UsernameRule::TooLong),
            (&"a".repeat(5000), UsernameRule::TooLong),
            ("a:b", UsernameRule::Colon),
            ("v4.alice", UsernameRule::LooksLikeCredential),
            ("V4.alice", UsernameRule::LooksLikeCredential),
            ("k4.x", UsernameRule::LooksLikeCredential),
            ("csr_x", UsernameRule::LooksLikeCredential),
            ("a b", UsernameRule::Characters),
            ("a\nb", UsernameRule::Characters),
            ("a\u{0}", UsernameRule::Characters),
            ("a\u{202e}b", UsernameRule::Characters),
            ("\u{1f600}", UsernameRule::Characters),
        ] {
            assert_eq!(Username::parse(text), Err(rule), "{text:?}");
        }
        assert!(Username::parse(&"a".repeat(64)).is_ok());
    }
}
