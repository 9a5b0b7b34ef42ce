//! Where a signing key is in its life. When it passes from one part to the next is the ring's.

/// A part of a key's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// Published so that verifiers know it before it signs.
    Next,
    /// Signs.
    Active,
    /// Signs no more; its last tokens are still good.
    Retired,
}
