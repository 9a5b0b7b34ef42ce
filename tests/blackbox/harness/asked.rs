//! What whoever starts a test run asks for, in its environment.

/// The number that a variable holds, if it is set.
#[expect(clippy::disallowed_methods, reason = "the environment of a test run is its command line")]
pub fn asked(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} is not a number: {text:?}")))
}
