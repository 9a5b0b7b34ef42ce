//! Keys, payloads and signatures. Everything is fixed.

use countersign_verify::{PublicKey, footer_for, paseto};
use ed25519_dalek::{Signer as _, SigningKey};

/// Each key is the byte 32 times that its constant is.
pub(crate) const ACTIVE: u8 = 1;
pub(crate) const RETIRED: u8 = 2;
/// In the key set, and among the revocations.
pub(crate) const REVOKED: u8 = 3;
/// Of somebody else.
pub(crate) const STRANGER: u8 = 4;

pub(crate) const ISSUER: &str = "countersign";
pub(crate) const AUDIENCE: &str = "orders";
/// A minute after the tokens are issued.
pub(crate) const NOW: &str = "2026-11-23T21:09:19Z";

/// Every claim of a token and its value in JSON, as the service writes them.
pub(crate) const CLAIMS: [(&str, &str); 13] = [
    ("iss", r#""countersign""#),
    ("aud", r#""orders""#),
    ("sub", r#""0193b4a0-5f6e-7c3a-8d5e-1f2a3b4c5d6e""#),
    ("iat", r#""2026-11-23T21:08:19Z""#),
    ("nbf", r#""2026-11-23T21:08:19Z""#),
    ("exp", r#""2026-11-23T21:18:19Z""#),
    ("jti", r#""0193b4a0-5f6e-7c3a-8d5e-1f2a3b4c0001""#),
    ("sid", r#""0193b4a0-5f6e-7c3a-8d5e-1f2a3b4c0002""#),
    ("ep", "3"),
    ("auth_time", r#""2026-11-23T21:08:14Z""#),
    ("name", r#""Alice""#),
    ("roles", r#"["admin","service"]"#),
    ("amr", r#"["pwd"]"#),
];

pub(crate) fn signer(key: u8) -> SigningKey {
    SigningKey::from_bytes(&[key; 32])
}

pub(crate) fn public(key: u8) -> PublicKey {
    PublicKey::from_bytes(signer(key).verifying_key().as_bytes()).expect("a key that was made is a key")
}

pub(crate) fn id(key: u8) -> String {
    public(key).id().to_string()
}

/// The footer that names a key, as the service writes it.
pub(crate) fn footer(key: u8) -> String {
    footer_for(public(key).id())
}

/// Rightly signed, whatever payload and footer are.
pub(crate) fn sign(key: u8, payload: impl AsRef<[u8]>, footer: impl AsRef<[u8]>) -> String {
    let (payload, footer) = (payload.as_ref(), footer.as_ref());
    let signature = signer(key).sign(&paseto::signing_input(payload, footer)).to_bytes();
    paseto::assemble(payload, &signature, footer)
}

/// A token with this payload by the active key.
pub(crate) fn token(payload: impl AsRef<[u8]>) -> String {
    sign(ACTIVE, payload, footer(ACTIVE))
}

/// A good token that is changed as a text, or taken apart.
pub(crate) fn good() -> String {
    token(Payload::whole().json())
}

/// A good token's payload, signature and footer.
pub(crate) fn good_parts() -> paseto::Parts {
    paseto::split(&good()).expect("a good token has its parts")
}

/// The members of a payload in their order: names, and values in JSON or in what is none.
pub(crate) struct Payload(Vec<(String, String)>);

impl Payload {
    pub(crate) fn whole() -> Self {
        Self(CLAIMS.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        let member = self.0.iter_mut().find(|(known, _)| known == name).expect("a claim of ours");
        value.clone_into(&mut member.1);
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.0.retain(|(known, _)| known != name);
        self
    }

    /// With one more member behind the others, whether or not there is one of that name.
    pub(crate) fn and(mut self, name: &str, value: &str) -> Self {
        self.0.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn reversed(mut self) -> Self {
        self.0.reverse();
        self
    }

    pub(crate) fn json(&self) -> String {
        let members: Vec<String> =
            self.0.iter().map(|(name, value)| format!(r#""{name}":{value}"#)).collect();
        format!("{{{}}}", members.join(","))
    }

    /// The token of this payload by the active key.
    pub(crate) fn token(&self) -> String {
        token(self.json())
    }
}

/// A token whose claim `name` has this value in JSON.
pub(crate) fn with(name: &str, value: &str) -> String {
    Payload::whole().with(name, value).token()
}

/// The same with a text for value.
pub(crate) fn with_text(name: &str, text: &str) -> String {
    with(name, &serde_json::Value::from(text).to_string())
}
