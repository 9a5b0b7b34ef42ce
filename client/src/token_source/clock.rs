//! The clock that tokens expire by, and the randomness of keys and of waiting.

use tokio::time::Instant;

/// Now, by the monotonic clock; a test that pauses tokio's clock turns it.
#[expect(clippy::disallowed_methods, reason = "the runtime's clock is the one that its tests pause and turn")]
pub(super) fn now() -> Instant {
    Instant::now()
}

/// Fills `bytes` with randomness of the operating system.
#[expect(clippy::disallowed_methods, reason = "no rule decides on it; what does takes it as an argument")]
pub(super) fn fill_random(bytes: &mut [u8]) {
    getrandom::fill(bytes).expect("the operating system has no randomness to give");
}

/// A random number from 0 to 1, for waiting a little longer or shorter than others.
pub(super) fn jitter() -> f64 {
    let mut bytes = [0; 4];
    fill_random(&mut bytes);
    f64::from(u32::from_le_bytes(bytes)) / f64::from(u32::MAX)
}
