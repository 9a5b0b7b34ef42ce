//! Audiences: for whom tokens are. The first of the list is Countersign's own.

use std::fmt;

/// The configured audiences; never empty.
#[derive(Clone, Debug)]
pub struct Audiences(Vec<String>);

/// Why a list is not one of audiences.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum AudiencesError {
    /// No audience at all: tokens would be good anywhere.
    #[error("must name at least one audience")]
    Empty,
    /// A name that would make tokens too large or logs unreadable.
    #[error("holds an audience that is not 1 to 64 visible ASCII characters")]
    Malformed,
}

impl fmt::Display for Audiences {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(","))
    }
}

impl Audiences {
    /// Reads a list of audiences. The first is Countersign's own.
    pub fn parse<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Self, AudiencesError> {
        let names: Vec<String> = names.into_iter().map(str::to_owned).collect();
        if names.is_empty() {
            return Err(AudiencesError::Empty);
        }
        let visible =
            |name: &String| (1..=64).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_graphic());
        if names.iter().all(visible) { Ok(Self(names)) } else { Err(AudiencesError::Malformed) }
    }

    /// Countersign's own audience, the only one that its API accepts.
    #[must_use]
    pub fn own(&self) -> &str {
        &self.0[0]
    }

    /// The configured audience of this name; its own for an empty one.
    #[must_use]
    pub fn pick(&self, name: &str) -> Option<&str> {
        if name.is_empty() {
            Some(self.own())
        } else {
            self.0.iter().map(String::as_str).find(|known| *known == name)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_configured_audiences_can_be_picked() {
        let audiences = Audiences::parse(["countersign", "billing"]).unwrap();
        assert_eq!(audiences.pick(""), Some("countersign"));
        assert_eq!(audiences.pick("billing"), Some("billing"));
        assert_eq!(audiences.pick("Billing"), None);
        assert_eq!(Audiences::parse([]).unwrap_err(), AudiencesError::Empty);
        assert_eq!(Audiences::parse(["a", ""]).unwrap_err(), AudiencesError::Malformed);
    }
}
