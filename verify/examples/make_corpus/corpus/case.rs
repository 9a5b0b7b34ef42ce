//! One token and what a verifier must say of it.

use countersign_verify::Defect;
use serde::Serialize;

/// What a verifier must have to decide a case: each one includes those before it.
#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Layer {
    /// The signature, over the right bytes, under a trusted key.
    Paseto,
    /// The standard claims: `iss`, `aud`, `exp`, `nbf`, `iat`.
    Claims,
    /// What we ask beyond: one spelling, a footer that names the key, a size, claims with their types.
    Countersign,
    /// What has been revoked.
    Trust,
}

#[derive(Clone, Copy)]
pub(crate) enum Verdict {
    Good,
    Expired,
    Revoked,
    Invalid(Defect),
}

pub(crate) struct Case {
    name: String,
    layer: Layer,
    verdict: Verdict,
    token: String,
}

/// A case as it stands in the file.
#[derive(Serialize)]
struct Line<'a> {
    name: &'a str,
    layer: Layer,
    valid: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    defect: Option<&'static str>,
    token: &'a str,
}

impl Case {
    pub(crate) fn new(layer: Layer, verdict: Verdict, name: impl Into<String>, token: String) -> Self {
        Self { name: name.into(), layer, verdict, token }
    }

    pub(crate) fn good(layer: Layer, name: impl Into<String>, token: String) -> Self {
        Self::new(layer, Verdict::Good, name, token)
    }

    pub(crate) fn bad(layer: Layer, defect: Defect, name: impl Into<String>, token: String) -> Self {
        Self::new(layer, Verdict::Invalid(defect), name, token)
    }

    /// JSON on one line.
    pub(crate) fn line(&self) -> String {
        let (reason, defect) = match self.verdict {
            Verdict::Good => (None, None),
            Verdict::Expired => (Some("expired"), None),
            Verdict::Revoked => (Some("revoked"), None),
            Verdict::Invalid(defect) => (Some("invalid"), Some(text(defect))),
        };
        let line = Line {
            name: &self.name,
            layer: self.layer,
            valid: reason.is_none(),
            reason,
            defect,
            token: &self.token,
        };
        serde_json::to_string(&line).expect("texts are always valid JSON")
    }
}

const fn text(defect: Defect) -> &'static str {
    match defect {
        Defect::TooLarge => "too large",
        Defect::Shape => "shape",
        Defect::Base64 => "base64",
        Defect::Header => "header",
        Defect::UnknownKey => "unknown key",
        Defect::Signature => "signature",
        Defect::Claims => "claims",
        Defect::Issuer => "issuer",
        Defect::Audience => "audience",
        Defect::NotYetValid => "not yet valid",
    }
}
