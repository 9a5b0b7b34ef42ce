//! Identifiers: UUIDv7 (RFC 9562), so that rows sort by the time of their making. An id of one kind is no id of another.

use std::fmt;

use uuid::{Builder, Uuid};

use super::{Entropy, Timestamp};

/// The text is not a UUID in its canonical form.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("is not a UUID")]
pub struct IdError;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// A new id, made of `now` and 74 random bits.
            pub fn generate(now: Timestamp, entropy: &dyn Entropy) -> Self {
                Self(generate(now, entropy))
            }

            /// Reads the canonical form: 36 characters, lower case, with hyphens.
            pub fn parse(text: &str) -> Result<Self, IdError> {
                parse(text).map(Self)
            }

            /// The id that `uuid` is the value of, for what comes from a verified token or the database.
            #[must_use]
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The value.
            #[must_use]
            pub const fn as_uuid(self) -> Uuid {
                self.0
            }

            /// When it was made, as it says itself.
            #[must_use]
            pub fn created(self) -> Timestamp {
                let mut millis = [0; 8];
                millis[2..].copy_from_slice(&self.0.as_bytes()[..6]);
                Timestamp::from_millis(i64::from_be_bytes(millis))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }
    };
}

id! {
    /// A user. Never used again, even after the user is deleted.
    UserId
}
id! {
    /// A session: what a password opens and all its tokens belong to.
    SessionId
}
id! {
    /// One access token, for logs: its claim `jti`.
    TokenId
}

id! {
    /// A security event.
    EventId
}

fn generate(now: Timestamp, entropy: &dyn Entropy) -> Uuid {
    let mut random = [0; 10];
    entropy.fill(&mut random);
    let millis = u64::try_from(now.as_millis()).unwrap_or(0);
    Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
}

/// One text, one id: the crate also reads braces, upper case and no hyphens, which would give an id many spellings.
fn parse(text: &str) -> Result<Uuid, IdError> {
    let uuid = Uuid::try_parse(text).map_err(|_| IdError)?;
    let mut buffer = Uuid::encode_buffer();
    if uuid.hyphenated().encode_lower(&mut buffer) == text { Ok(uuid) } else { Err(IdError) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_tells_when_it_was_made() {
        struct Zeros;
        impl Entropy for Zeros {
            fn fill(&self, bytes: &mut [u8]) {
                bytes.fill(0);
            }
        }
        let now = Timestamp::from_millis(1_767_225_600_400);
        assert_eq!(SessionId::generate(now, &Zeros).created(), now);
    }

    #[test]
    fn an_id_has_one_spelling() {
        let text = "0193b4a0-5f6e-7c3a-8d5e-1f2a3b4c5d6e";
        assert_eq!(UserId::parse(text).unwrap().to_string(), text);
        for other in [
            text.to_uppercase(),
            text.replace('-', ""),
            format!("{{{text}}}"),
            format!("urn:uuid:{text}"),
            format!(" {text}"),
            String::new(),
        ] {
            assert_eq!(UserId::parse(&other), Err(IdError), "{other}");
        }
    }
}
