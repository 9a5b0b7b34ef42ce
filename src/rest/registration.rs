//! Who may register, as the description of the API says it. The use cases have a word of their own for it, two floors below.

/// Who may create users.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registration {
    /// Anyone.
    Open,
    /// Admins alone.
    Closed,
}
