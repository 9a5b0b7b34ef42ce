//! Assembling the parts and running them. A library function of a bound socket and a shutdown token: the binary and the
//! tests call the same one.

mod assemble;
mod background;
mod cluster;
mod keys;
mod master_key_file;
mod surroundings;

pub use crate::transport::exposing_mode;
pub use assemble::{Server, ServerConfig, StartError};
pub use cluster::ClusterError;
pub use keys::{StartKeysError, key_schedule};
pub use master_key_file::{MasterKeyFileError, MasterKeyFiles};
pub use surroundings::{Surroundings, SystemClock, SystemEntropy};
