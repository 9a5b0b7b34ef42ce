//! Other services that accept our tokens: the examples of `client/`, served in process and told by a server of ours.

mod asking;
mod grpc;
mod http;
mod kit;
mod streams;
