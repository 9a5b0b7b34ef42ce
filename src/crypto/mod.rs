//! Passwords, keys and tokens: the mathematics of every secret. No I/O, no database, no wire types.

mod arena;
mod common_passwords;
mod hash_pool;
mod keyring;
mod master_key;
mod paserk;
mod password_hasher;
mod phc;
mod refresh_token;
mod reset_code;
mod secret_key;
mod server_key;
#[cfg(test)]
mod test_support;
mod token_signer;
#[cfg(test)]
mod vectors;

pub use hash_pool::PoolUsage;
pub use keyring::{KeyMaker, OpenRing, Ring, RingError, RingKey, Schedule, SigningKey};
pub use master_key::{MasterKey, WrapError};
pub use paserk::PaserkError;
pub use password_hasher::{
    HashError, HasherConfig, HasherError, NewPasswordError, PasswordHasher, Verification, is_readable_hash,
};
pub use refresh_token::RefreshToken;
pub use reset_code::ResetCode;
pub use secret_key::SecretKey;
pub use server_key::ServerKey;
pub use token_signer::TokenSigner;
