//! The verifier that other services embed, against a server, with a proxy between them that fails.

mod connecting;
mod hostile;
mod keys;
mod random_walk;
mod revocations;
mod scene;
mod staleness;
