//! The corpus of good and hostile tokens: the same text on every run, for no clock and no randomness is asked.
//!
//! - `case` owns one token and what a verifier must say of it.
//! - `file` owns the file around the cases: the keys, the moment, what has been revoked.
//! - `maker` owns keys, payloads and signatures.
//! - `good` owns tokens that are good; `frames`, `footers`, `signatures`, `payloads`, `values`, `times`, `places` and
//!   `revoked` own those that are not, by where their fault is, each with the good ones next to it.

mod case;
mod file;
mod footers;
mod frames;
mod good;
mod maker;
mod payloads;
mod places;
mod revoked;
mod signatures;
mod times;
mod values;

pub(crate) use file::text;
