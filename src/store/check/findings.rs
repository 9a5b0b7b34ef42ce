//! What a check has found, up to a number that fits into memory whatever the database holds.

use crate::store::StoreError;

/// How many findings are kept. Those beyond are counted.
pub(super) const MOST: usize = 1000;

/// Something that does not fit, by its place. The value is not shown: it may be a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The table.
    pub table: &'static str,
    /// The column.
    pub column: &'static str,
    /// The row's id, or `?` where that is what is damaged.
    pub row: String,
    /// What is wrong with it.
    pub what: &'static str,
}

/// All of them.
#[derive(Debug, Default)]
pub struct Findings {
    found: Vec<Finding>,
    more: u64,
}

impl Findings {
    /// Those that were kept, in the order of their finding.
    #[must_use]
    pub fn kept(&self) -> &[Finding] {
        &self.found
    }

    /// How many more there are, at least.
    #[must_use]
    pub const fn more(&self) -> u64 {
        self.more
    }

    /// Adds one.
    pub fn add(&mut self, finding: Finding) {
        if self.found.len() < MOST {
            self.found.push(finding);
        } else {
            self.more += 1;
        }
    }

    /// Adds one at the place that `damaged` names.
    pub(super) fn at(&mut self, damaged: StoreError, what: &'static str) {
        if let StoreError::Damaged { table, column, row } = damaged {
            self.add(Finding { table, column, row, what });
        }
    }

    /// Adds one there if something is wrong.
    pub(super) fn at_if(&mut self, wrong: bool, damaged: impl FnOnce() -> StoreError, what: &'static str) {
        if wrong {
            self.at(damaged(), what);
        }
    }

    /// Makes a row that cannot be read a finding. Another failure is the check's own.
    pub(super) fn absorb(&mut self, outcome: Result<(), StoreError>) -> Result<(), StoreError> {
        match outcome {
            Err(damaged @ StoreError::Damaged { .. }) => {
                self.at(damaged, "cannot be read");
                Ok(())
            }
            outcome => outcome,
        }
    }
}
