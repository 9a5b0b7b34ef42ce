//! The code generated from `proto/`.

#![expect(
    clippy::allow_attributes,
    clippy::allow_attributes_without_reason,
    reason = "the generated code is what it is, and nobody edits it"
)]

use std::fmt;

tonic::include_proto!("notes.v1");

/// All files, encoded, with the option `(auth.v1.access)` of each method.
pub const DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptor_set.bin"));

/// What prost would derive prints the token.
impl fmt::Debug for WatchNotesRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WatchNotesRequest(…)")
    }
}
