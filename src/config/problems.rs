//! What is wrong with the settings: all of it, at once, by name. Values are never repeated: one of them may be a secret
//! that landed in the wrong place.

use std::fmt;

/// The problems found so far.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Problems(Vec<String>);

impl Problems {
    /// Notes that the setting called `name` has a problem.
    pub fn add(&mut self, name: &str, problem: impl fmt::Display) {
        self.0.push(format!("{name}: {problem}"));
    }

    /// `value`, if there is no problem at all.
    pub fn none_or<T>(self, value: Option<T>) -> Result<T, Self> {
        match value {
            Some(value) if self.0.is_empty() => Ok(value),
            _ => Err(self),
        }
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the settings cannot be used:")?;
        self.0.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}

impl std::error::Error for Problems {}
