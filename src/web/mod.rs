//! What comes without native gRPC: browsers, and programs that speak JSON over HTTP. Owns who may send from where, and the
//! translation of gRPC-Web.

mod asked_host;
mod body_fault;
mod cors;
mod cross_site;
mod front;
mod grpc_web;
mod origin;
mod pages;

pub use front::{Front, WebConfig};
pub use origin::WebOrigin;
