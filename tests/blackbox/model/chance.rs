//! What the seed decides.

use crate::harness::SeededEntropy;

pub struct Chance(SeededEntropy);

impl Chance {
    pub fn new(seed: u64) -> Self {
        Self(SeededEntropy::new(seed))
    }

    /// A number from 0 to `bound - 1`.
    pub fn below(&self, bound: usize) -> usize {
        usize::try_from(self.0.next() % u64::try_from(bound).unwrap()).unwrap()
    }

    pub fn one_in(&self, bound: usize) -> bool {
        self.below(bound) == 0
    }

    /// Milliseconds, from `least` to `most`.
    pub fn span(&self, least: i64, most: i64) -> i64 {
        least + i64::try_from(self.0.next() % u64::try_from(most - least + 1).unwrap()).unwrap()
    }

    pub fn pick<'a, T>(&self, some: &'a [T]) -> Option<&'a T> {
        if some.is_empty() { None } else { some.get(self.below(some.len())) }
    }

    /// A retry key of this many bytes.
    pub fn key(&self, length: usize) -> Vec<u8> {
        (0..length).map(|_| u8::try_from(self.0.next() % 256).unwrap()).collect()
    }
}
