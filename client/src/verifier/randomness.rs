//! Numbers that do not come twice: nonces, the name of a run, and how long to wait. Nothing secret is made of them.

/// SplitMix64, begun somewhere by the system's randomness: it goes through all numbers before one comes again.
pub(super) struct Randomness(u64);

impl Randomness {
    /// One that begins where no other does; and 16 bytes that no other process has. Without the system's randomness it
    /// begins at 0, and there are no bytes: nonces are still new to each stream.
    #[expect(clippy::disallowed_methods, reason = "no rule decides by these numbers")]
    pub(super) fn begin() -> (Self, Vec<u8>) {
        let mut bytes = [0; 24];
        match getrandom::fill(&mut bytes) {
            Ok(()) => {
                let (seed, run_id) = bytes.split_at(8);
                let seed = seed.iter().fold(0, |seed, byte| seed << 8 | u64::from(*byte));
                (Self(seed), run_id.to_vec())
            }
            Err(_) => (Self(0), Vec::new()),
        }
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
