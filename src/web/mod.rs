//! What comes without native gRPC: browsers, and programs that speak JSON over HTTP.

mod front;

pub use front::Front;
