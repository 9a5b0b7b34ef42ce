//! What a caller presented to prove who it is, before anything about it is believed.

use std::fmt;

use zeroize::Zeroizing;

/// The content of `authorization`, taken apart and not yet verified.
#[derive(Clone, Default)]
pub enum Presented {
    /// Nothing.
    #[default]
    Nothing,
    /// An access token, as Bearer or as the user name of Basic.
    Token(Zeroizing<String>),
    /// A name and a password.
    Password {
        /// The name, as sent.
        username: String,
        /// The password, as sent.
        password: Zeroizing<String>,
    },
    /// Something that cannot be read: several values, another scheme, broken base64.
    Unreadable,
}

/// Says what kind it is and nothing of its content.
impl fmt::Debug for Presented {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nothing => "Nothing",
            Self::Token(_) => "Token(…)",
            Self::Password { .. } => "Password(…)",
            Self::Unreadable => "Unreadable",
        })
    }
}
