//! What a session is carried on with: the refresh token, and the retry key that every attempt to spend it sends.

use std::fmt;

use zeroize::{Zeroize as _, Zeroizing};

use super::clock::fill_random;

/// How long retry keys are that are made here.
const KEY_BYTES: usize = 32;

/// No refresh token is longer. Whatever can be received can be saved, and read again.
const MAX_TOKEN_BYTES: usize = 1024;

/// The first line of the text.
const HEADING: &str = "countersign-session 1";

/// A refresh token and its retry key, which belong together: the key was made when the token was received, and whoever
/// spends the token sends this key, however often it takes. Worth as much as a password until the session ends: wiped
/// when dropped, never shown by `Debug`, not `Clone`.
pub struct SavedSession {
    refresh_token: Zeroizing<String>,
    retry_key: Zeroizing<Vec<u8>>,
    username: Option<String>,
}

impl SavedSession {
    /// A session that was opened elsewhere. The retry key must be the one that was kept beside the token; of a token
    /// that nobody has tried to spend, any 16 to 64 random bytes. `None` if the key has another length, or the token
    /// is none.
    #[must_use]
    pub fn new(refresh_token: String, retry_key: Vec<u8>) -> Option<Self> {
        let refresh_token = Zeroizing::new(refresh_token);
        let retry_key = Zeroizing::new(retry_key);
        let fits = (16..=64).contains(&retry_key.len());
        (is_refresh_token(&refresh_token) && fits).then_some(Self {
            refresh_token,
            retry_key,
            username: None,
        })
    }

    /// A refresh token that was just received, with a fresh key.
    pub(super) fn received(refresh_token: Zeroizing<String>, username: Option<String>) -> Self {
        let mut retry_key = Zeroizing::new(vec![0; KEY_BYTES]);
        fill_random(&mut retry_key);
        Self { refresh_token, retry_key, username }
    }

    /// Reads what [`to_text`](Self::to_text) wrote; `None` is every other text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        if lines.next()? != HEADING {
            return None;
        }
        let refresh_token = lines.next()?.strip_prefix("refresh_token ")?.to_owned();
        let retry_key = decode_hex(lines.next()?.strip_prefix("retry_key ")?)?;
        let username = match lines.next() {
            Some(line) => Some(line.strip_prefix("username ")?.to_owned()),
            None => None,
        };
        let session = Self::new(refresh_token, retry_key)?;
        lines.next().is_none().then_some(Self { username, ..session })
    }

    /// A few lines of text, for a store of one's own. They are the secret.
    #[must_use]
    pub fn to_text(&self) -> Zeroizing<String> {
        // Grown strings leave copies behind; this one is made large enough.
        let name_bytes = self.username.as_ref().map_or(0, String::len);
        let spare = HEADING.len() + self.refresh_token.len() + 2 * self.retry_key.len() + name_bytes + 64;
        let mut text = Zeroizing::new(String::with_capacity(spare));
        for part in [HEADING, "\nrefresh_token ", &self.refresh_token, "\nretry_key "] {
            text.push_str(part);
        }
        encode_hex(&self.retry_key, &mut text);
        text.push('\n');
        // A name that breaks lines is nobody's (RFC 8265 has no control characters), and would break this text.
        if let Some(name) = self.username.as_ref().filter(|name| !name.contains(char::is_control)) {
            text.push_str("username ");
            text.push_str(name);
            text.push('\n');
        }
        text
    }

    /// The refresh token, `csr_…`.
    #[must_use]
    pub fn refresh_token(&self) -> &str {
        &self.refresh_token
    }

    /// The key to send with it, 16 to 64 bytes.
    #[must_use]
    pub fn retry_key(&self) -> &[u8] {
        &self.retry_key
    }

    /// Whose password opened it; `None` if it was opened elsewhere.
    #[must_use]
    pub fn username(&self) -> Option<&str> {
        self.username.as_deref()
    }

    /// Whether it may be somebody else's than `username`'s: configured to be another one, nobody goes on as the old one.
    pub(super) fn is_of_another(&self, username: &str) -> bool {
        self.username.as_ref().is_some_and(|name| name != username)
    }
}

impl fmt::Debug for SavedSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SavedSession(…)")
    }
}

/// Whether a text can be a refresh token.
pub(super) fn is_refresh_token(text: &str) -> bool {
    let secret = text.strip_prefix("csr_").filter(|secret| !secret.is_empty());
    secret.is_some_and(|secret| secret.bytes().all(|b| b.is_ascii_graphic())) && text.len() <= MAX_TOKEN_BYTES
}

fn encode_hex(bytes: &[u8], text: &mut String) {
    for nibble in bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]) {
        text.push(char::from(b"0123456789abcdef"[usize::from(nibble)]));
    }
}

fn decode_hex(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 2);
    for pair in text.as_bytes().chunks(2) {
        let value = |digit: &u8| char::from(*digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
        let [Some(high), Some(low)] = [pair.first().and_then(value), pair.get(1).and_then(value)] else {
            bytes.zeroize();
            return None;
        };
        bytes.push(high << 4 | low);
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn received(username: Option<&str>) -> SavedSession {
        SavedSession::received(Zeroizing::new("csr_abc".to_owned()), username.map(str::to_owned))
    }

    #[test]
    fn what_was_written_is_read_again() {
        for username in [None, Some("alice"), Some("zoë with spaces")] {
            let session = received(username);
            let read = SavedSession::parse(&session.to_text()).unwrap();
            assert_eq!(read.refresh_token(), "csr_abc");
            assert_eq!(read.retry_key(), session.retry_key());
            assert_eq!(read.username(), username);
        }
    }

    #[test]
    fn every_token_received_gets_a_key_of_its_own() {
        let keys = [received(None), received(None)].map(|session| session.retry_key().to_vec());
        assert_eq!(keys[0].len(), 32);
        assert_ne!(keys[0], keys[1]);
    }

    #[test]
    fn other_texts_are_no_sessions() {
        let good =
            "countersign-session 1\nrefresh_token csr_abc\nretry_key 00112233445566778899aabbccddeeff\n";
        SavedSession::parse(good).unwrap();
        SavedSession::parse(&good.replace("csr_abc", &format!("csr_{}", "a".repeat(1020)))).unwrap();
        for (from, to) in [
            ("session 1", "session 2"),
            ("csr_", "v4.public."),
            ("csr_abc", "csr_a c"),
            ("csr_abc", "csr_"),
            ("csr_abc", &format!("csr_{}", "a".repeat(1021))),
            ("ddeeff", "dd"),
            ("ddeeff", "ddeef"),
            ("ddeeff", "ddeefg"),
            ("retry_key", "key"),
            ("ff\n", "ff\nname alice\n"),
            ("ff\n", "ff\nusername alice\nusername bob\n"),
        ] {
            assert!(SavedSession::parse(&good.replace(from, to)).is_none(), "{from} -> {to}");
        }
        assert!(SavedSession::parse("").is_none());
    }

    #[test]
    fn a_name_cannot_write_lines_of_its_own() {
        let text = received(Some("x\nrefresh_token csr_evil")).to_text();
        assert!(!text.contains("evil"), "{}", *text);
    }

    #[test]
    fn a_session_is_never_shown() {
        let session = received(Some("alice"));
        let shown = format!("{session:?}");
        assert!(!shown.contains("csr_") && !shown.contains(&*session.to_text()), "{shown}");
    }
}
