//! Where randomness comes from.

/// A source of random bytes fit for keys: the operating system in the service, a seeded one in tests.
pub trait Entropy: Send + Sync + 'static {
    /// Overwrites `bytes` with random ones.
    fn fill(&self, bytes: &mut [u8]);
}
