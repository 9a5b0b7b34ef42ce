//! What the two examples serve: a board of notes, over gRPC and over HTTP. Nothing in here checks a token; that is done
//! where it is served, in `tonic_service.rs` and `axum_service.rs`.
//!
//! - `board` owns the notes.
//! - `notes_service` owns the gRPC service.
//! - `pages` owns the same over HTTP.
//! - `stop_signal` owns when they are to stop.
//! - `pb` owns the messages, and the descriptor set that says who may call what.

mod board;
mod notes_service;
mod pages;
pub mod pb;
mod stop_signal;

pub use board::Board;
pub use notes_service::Notes;
pub use pages::pages;
pub use stop_signal::stop_signal;
