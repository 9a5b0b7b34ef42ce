//! What a use case has to know about the call that it serves, beside what was asked.

use std::time::Instant;

use crate::domain::Origin;

/// The call.
#[derive(Clone, Debug)]
pub struct CallContext {
    /// When its answer is no longer waited for.
    pub deadline: Option<Instant>,
    /// From where it came.
    pub origin: Origin,
}
