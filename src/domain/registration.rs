//! Who may register.

/// Who may register users.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registration {
    /// Anyone.
    Open,
    /// Callers with the role `admin`.
    Closed,
}
