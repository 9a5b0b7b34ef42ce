//! As much of a snapshot as has come: half a snapshot is no knowledge, so its parts wait here for the last one. Owns what
//! belongs together, and how much may wait; what a whole snapshot takes the place of is `trust_view`'s.

use super::{Revocation, Revocations, TrustError};

/// Some of a snapshot, and the highest place in it.
#[derive(Debug, Default)]
pub(crate) struct PartialSnapshot {
    revocations: Revocations,
    highest: i64,
    entries: usize,
}

impl PartialSnapshot {
    /// Whether `part` may come next. Places only rise within a snapshot: a part that begins lower is of another one. Each
    /// of its entries counts, also one that takes the place of another: a server sends none that has been superseded.
    pub(crate) fn check(&self, part: &[Revocation], at_most: usize) -> Result<(), TrustError> {
        if part.iter().any(|revocation| revocation.sequence <= self.highest) {
            return Err(TrustError::Interrupted);
        }
        if !rises(part) {
            return Err(TrustError::Disordered);
        }
        let fits = self.entries.checked_add(part.len()).is_some_and(|entries| entries <= at_most);
        if fits { Ok(()) } else { Err(TrustError::TooManyRevocations) }
    }

    /// Takes what has been checked.
    pub(crate) fn add(&mut self, part: &[Revocation]) {
        part.iter().for_each(|revocation| self.revocations.add(revocation));
        self.entries += part.len();
        self.highest = part.last().map_or(self.highest, |last| last.sequence);
    }

    /// All of it, when the last part has come.
    pub(crate) fn into_revocations(self) -> Revocations {
        self.revocations
    }
}

/// Whether each entry comes later in the log than the one before, as a server sends them.
pub(crate) fn rises(revocations: &[Revocation]) -> bool {
    revocations.is_sorted_by(|one, next| one.sequence < next.sequence)
}
