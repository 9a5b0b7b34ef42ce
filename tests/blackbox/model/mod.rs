//! Random histories of all calls, against the server and against a small model of what it promises. The model is written
//! from API.md and knows nothing of how the server does it: no hashes, no log of revocations, no rows to purge. After each
//! call both must have said the same, and now and then everything that is known is asked once more: each token, each
//! refresh token, each password, each reset code, each list of sessions.
//!
//! `COUNTERSIGN_MODEL_SEED` and `COUNTERSIGN_MODEL_STEPS` choose the histories. A failure prints both, and what led to it.

mod account_moves;
mod account_rules;
mod chance;
mod check;
mod history;
mod moves;
mod runs;
mod session_moves;
mod session_rules;
mod walk;
mod world;

pub use chance::Chance;
