//! The description of the API as OpenAPI 3.1, made from the same descriptors that requests are read by.

mod comments;
mod document;
mod errors;
mod operation;
mod schemas;

pub(super) use document::write;
pub(super) use operation::Access;
