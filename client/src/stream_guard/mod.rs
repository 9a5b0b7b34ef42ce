//! Streams that end with their caller's token.
//!
//! - `guard` owns when a token is looked at again: [`StreamGuard`].
//! - `extender` owns with which other tokens a stream may go on: [`StreamExtender`].

mod extender;
mod guard;
#[cfg(test)]
mod tests;

pub use extender::StreamExtender;
pub use guard::StreamGuard;
