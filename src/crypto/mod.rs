//! Cryptography: passwords under Argon2id, keys under a master key, tokens under Ed25519. No database, no wire.

mod arena;
mod common_passwords;
mod hash_pool;
mod keyring;
mod master_key;
mod paserk;
mod password_hasher;
mod phc;
mod secret_key;
mod token_signer;

#[cfg(test)]
mod test_support;

pub use hash_pool::PoolUsage;
pub use keyring::{OpenRing, PublishedKey, Ring, RingError};
pub use master_key::MasterKey;
pub use paserk::PaserkError;
pub use password_hasher::{
    HashError, HasherConfig, HasherError, NewPasswordError, PasswordHasher, Verification,
};
pub use secret_key::SecretKey;
pub use token_signer::TokenSigner;
