//! The client crate's source of tokens, against the server that it is for.

mod callers;
mod encrypted;
mod kit;
mod lost_answers;
mod malformed_answers;
mod restarts;
mod secrets;
mod sign_out;
mod wire;
