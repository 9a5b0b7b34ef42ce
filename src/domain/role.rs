//! Roles: what a user may do beyond acting on itself. `admin`, `service` and `verifier` mean something to Countersign;
//! others ride in the token for other services.

use std::collections::BTreeSet;
use std::fmt;

/// The longest role, in characters.
const MAX_LENGTH: usize = 32;
/// The most roles a user may have: they ride in every token.
const MAX_ROLES: usize = 16;

/// A role: 1 to 32 characters of `a-z0-9._-`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Role(String);

/// Why something is not a role or not a set of roles.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum RoleError {
    /// The text breaks the rule for a role.
    #[error("a role is 1 to 32 characters of a-z, 0-9, '.', '_' and '-'")]
    Malformed,
    /// More roles than a token has room for.
    #[error("a user has at most 16 roles")]
    TooMany,
}

impl Role {
    /// Reads a role from outside text.
    pub fn parse(text: &str) -> Result<Self, RoleError> {
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '_' | '-');
        if text.is_empty() || text.len() > MAX_LENGTH || !text.chars().all(allowed) {
            return Err(RoleError::Malformed);
        }
        Ok(Self(text.to_owned()))
    }

    /// The role's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The roles of a user: sorted, without repetition, at most 16.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roles(BTreeSet<Role>);

impl Roles {
    /// Reads roles from outside texts; repetitions are one role.
    pub fn parse<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Self, RoleError> {
        let roles = texts.into_iter().map(Role::parse).collect::<Result<BTreeSet<_>, _>>()?;
        if roles.len() > MAX_ROLES { Err(RoleError::TooMany) } else { Ok(Self(roles)) }
    }

    /// Whether `role` is among them.
    #[must_use]
    pub fn has(&self, role: &str) -> bool {
        self.iter().any(|known| known == role)
    }

    /// The roles' texts, sorted.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(Role::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_short_lower_case_ascii() {
        assert!(Role::parse("billing.read_only-2").is_ok());
        for text in ["", "Admin", "a b", "ä", "a,b", &"a".repeat(33)] {
            assert_eq!(Role::parse(text), Err(RoleError::Malformed), "{text:?}");
        }
    }

    #[test]
    fn a_set_of_roles_is_sorted_and_bounded() {
        let roles = Roles::parse(["verifier", "admin", "admin"]).unwrap();
        assert_eq!(roles.iter().collect::<Vec<_>>(), ["admin", "verifier"]);
        assert!(roles.has("admin") && !roles.has("admi"));
        let many: Vec<String> = (0..17).map(|n| format!("r{n}")).collect();
        assert_eq!(Roles::parse(many.iter().map(String::as_str)), Err(RoleError::TooMany));
    }
}
