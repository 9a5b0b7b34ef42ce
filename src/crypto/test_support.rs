//! What the tests of this floor share.

use std::sync::Mutex;

use blake2::{Blake2b512, Digest};

use crate::domain::Entropy;

/// The same bytes for the same seed, in the order of the calls.
pub(super) struct SeededEntropy(Mutex<(u64, u64)>);

impl SeededEntropy {
    pub(super) fn new(seed: u64) -> Self {
        Self(Mutex::new((seed, 0)))
    }
}

impl Entropy for SeededEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        let mut state = self.0.lock().unwrap();
        for chunk in bytes.chunks_mut(64) {
            state.1 += 1;
            let block = Blake2b512::digest([state.0.to_le_bytes(), state.1.to_le_bytes()].concat());
            chunk.copy_from_slice(&block[..chunk.len()]);
        }
    }
}
