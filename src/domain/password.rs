//! Passwords as their owners type them, and the rules for new ones (NIST SP 800-63B-4: length and a list, no
//! composition rules). The stored form is `crypto`'s.

use std::fmt;

use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

/// No password longer than this reaches a hash, new or presented, in bytes.
const MAX_BYTES: usize = 512;
/// The longest new password, in code points after NFC.
const MAX_CHARS: usize = 128;

/// A password in the clear, in NFC: wiped when dropped, never shown, never stored.
pub struct PlainPassword(Zeroizing<String>);

/// What the database keeps of a password: a PHC string with its algorithm, its costs, its salt and the hash.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredPassword(String);

impl StoredPassword {
    /// A PHC string that a hasher made or the database held.
    #[must_use]
    pub fn from_phc(text: String) -> Self {
        Self(text)
    }

    /// The PHC string, for the hasher and the database.
    #[must_use]
    pub fn expose_phc(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for StoredPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StoredPassword(…)")
    }
}

/// The rule that a text breaks as a new password.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
pub enum PasswordRule {
    /// Shorter than the policy's minimum, which it tells.
    #[error("must have at least {0} characters")]
    TooShort(usize),
    /// Longer than 128 code points or 512 bytes.
    #[error("must have at most 128 characters and 512 bytes")]
    TooLong,
    /// The user's own name.
    #[error("must not be the username")]
    IsUsername,
    /// The name of the service.
    #[error("must not be the name of the service")]
    IsServiceName,
    /// Among those that attackers try first.
    #[error("is among the first that attackers try: a common password, a repetition or a sequence")]
    Common,
}

/// What is asked of a new password.
#[derive(Clone, Debug)]
pub struct PasswordPolicy {
    /// The least number of code points after NFC.
    pub min_length: usize,
    /// Names of the service, which are the first guess at any of its passwords.
    pub service_names: Vec<String>,
}

impl PlainPassword {
    /// A password presented to prove something. There is no policy but the size, which an over-long guess fails.
    #[must_use]
    pub fn presented(text: &str) -> Option<Self> {
        (text.len() <= MAX_BYTES).then(|| Self::normalized(text))
    }

    /// A new password of the user named `username`, under `policy`. The list of common passwords is asked later, where
    /// its cost is bounded.
    pub fn parse_new(text: &str, username: &str, policy: &PasswordPolicy) -> Result<Self, PasswordRule> {
        let password = Self::presented(text).ok_or(PasswordRule::TooLong)?;
        let length = password.0.chars().count();
        if length < policy.min_length {
            return Err(PasswordRule::TooShort(policy.min_length));
        }
        if length > MAX_CHARS || password.0.len() > MAX_BYTES {
            return Err(PasswordRule::TooLong);
        }
        if password.equals_ignoring_case(username) {
            return Err(PasswordRule::IsUsername);
        }
        if policy.service_names.iter().any(|name| password.equals_ignoring_case(name)) {
            return Err(PasswordRule::IsServiceName);
        }
        Ok(password)
    }

    /// The password, for hashing.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// NFC, so that a password typed on another keyboard is the same bytes.
    fn normalized(text: &str) -> Self {
        // Reserved at once: a string that grows leaves copies of itself behind, which nobody wipes.
        let mut normalized = Zeroizing::new(String::with_capacity(text.len() * 3));
        normalized.extend(text.nfc());
        Self(normalized)
    }

    fn equals_ignoring_case(&self, name: &str) -> bool {
        let name: String = name.nfc().collect();
        self.0.chars().flat_map(char::to_lowercase).eq(name.chars().flat_map(char::to_lowercase))
    }
}

impl fmt::Debug for PlainPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PlainPassword(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<PlainPassword, PasswordRule> {
        let policy = PasswordPolicy { min_length: 8, service_names: vec!["countersign".into()] };
        PlainPassword::parse_new(text, "Alice-Liddell", &policy)
    }

    #[test]
    fn each_broken_rule_is_named() {
        for (text, rule) in [
            ("seven77", PasswordRule::TooShort(8)),
            (&"x".repeat(129), PasswordRule::TooLong),
            (&"x".repeat(513), PasswordRule::TooLong),
            (&"\u{1d11e}".repeat(129), PasswordRule::TooLong),
            ("ALICE-liddell", PasswordRule::IsUsername),
            ("CounterSign", PasswordRule::IsServiceName),
        ] {
            assert_eq!(parse(text).err(), Some(rule), "{text:?}");
        }
    }

    #[test]
    fn the_limits_themselves_are_allowed() {
        assert!(parse("eight888").is_ok());
        assert!(parse(&"\u{1d11e}".repeat(128)).is_ok(), "128 code points of four bytes are 512 bytes");
    }

    #[test]
    fn composition_does_not_make_another_password() {
        let composed = PlainPassword::presented("pässword-Å").unwrap();
        let decomposed = PlainPassword::presented("pa\u{308}ssword-A\u{30a}").unwrap();
        assert_eq!(composed.expose(), decomposed.expose());
    }

    #[test]
    fn nothing_is_truncated_and_nothing_is_shown() {
        let password = parse("correct horse battery staple").unwrap();
        assert_eq!(password.expose(), "correct horse battery staple");
        assert!(!format!("{password:?}").contains("correct"));
    }
}
