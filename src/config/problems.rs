//! What is wrong with the settings and the other arguments: all of it, at once, by name. Values are never repeated: one
//! of them may be a secret that landed in the wrong place.

use std::fmt;

/// The problems found so far.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Problems {
    found: Vec<String>,
    /// Whether a setting has one of them. Who gave a command a wrong name must not look for it in a file of settings.
    of_settings: bool,
}

impl Problems {
    /// Notes that the argument called `name` has a problem.
    pub fn add(&mut self, name: &str, problem: impl fmt::Display) {
        self.found.push(format!("{name}: {problem}"));
    }

    /// Notes that the setting called `name` has a problem.
    pub fn add_setting(&mut self, name: &str, problem: impl fmt::Display) {
        self.of_settings = true;
        self.add(name, problem);
    }

    /// `value`, if there is no problem at all.
    pub fn none_or<T>(self, value: Option<T>) -> Result<T, Self> {
        match value {
            Some(value) if self.found.is_empty() => Ok(value),
            _ => Err(self),
        }
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.of_settings {
            true => "the settings cannot be used:",
            false => "this cannot be done as it was asked:",
        })?;
        self.found.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}

impl std::error::Error for Problems {}
