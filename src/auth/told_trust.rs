//! What a verifier has been told of the log, and up to where it has been told everything.

use std::time::Instant;

use super::PublishedKey;
use crate::domain::TrustPosition;

/// What has been told.
pub(super) struct Told {
    pub(super) keys: Option<Vec<PublishedKey>>,
    /// Whether what follows is a snapshot.
    pub(super) snapshot: bool,
    pub(super) incarnation: [u8; 16],
    /// The place in the log of the last entry that was told.
    pub(super) cursor: i64,
    /// Up to where everything has been told.
    pub(super) complete: i64,
    /// Up to where everything will have been told when the last of the pages has been that are being told.
    pub(super) goal: Option<i64>,
    /// When the reading began that the last heartbeat stood on.
    pub(super) beaten: Option<Instant>,
}

impl Told {
    /// Whoever resumes within the incarnation of now is told what came after; everybody else gets a snapshot.
    pub(super) fn up_to(resume: Option<TrustPosition>, now: TrustPosition) -> Self {
        let resumed = resume.filter(|resume| resume.incarnation == now.incarnation);
        let sequence = resumed.map_or(0, |resume| resume.sequence);
        Self {
            keys: None,
            snapshot: resumed.is_none(),
            incarnation: now.incarnation,
            cursor: sequence,
            complete: sequence,
            goal: None,
            beaten: None,
        }
    }

    /// A page has been told that ends with the entry at `more`, if others follow, while everything up to `known` is known.
    /// True if it was the last.
    ///
    /// The last entries of a full page may have been superseded by what is on the next one, and pages reach beyond what is
    /// known without a gap: what fills such a gap meanwhile is told by none of them. So everything is told with the last page,
    /// up to where it was known at the first.
    pub(super) fn note_page(&mut self, more: Option<i64>, known: i64) -> bool {
        let goal = *self.goal.get_or_insert(known);
        if more.is_none() {
            (self.complete, self.goal) = (goal, None);
        }
        self.cursor = more.unwrap_or(goal);
        more.is_none()
    }

    pub(super) fn position(&self) -> TrustPosition {
        TrustPosition { incarnation: self.incarnation, sequence: self.complete }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(sequence: i64) -> TrustPosition {
        TrustPosition { incarnation: [1; 16], sequence }
    }

    #[test]
    fn what_fills_a_gap_while_pages_are_told_is_told_afterwards() {
        let mut told = Told::up_to(Some(at(0)), at(300));
        // Another process has committed 301, which is not known here yet; this one has committed 302 and 303.
        assert!(!told.note_page(Some(302), 300));
        assert_eq!((told.cursor, told.position()), (302, at(0)));
        // Before the last page is made, 301 becomes known.
        assert!(told.note_page(None, 303));
        assert_eq!((told.cursor, told.position()), (300, at(300)), "301 is still to come");
        assert!(told.note_page(None, 303));
        assert_eq!((told.cursor, told.position()), (303, at(303)));
    }
}
