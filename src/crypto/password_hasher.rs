//! Hashing and checking passwords with Argon2id (RFC 9106), version 19.
//!
//! Owns the costs, the decoy and what a row's text means for its check. Memory, threads and waiting are the pool's; which
//! user a row belongs to is the caller's.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use argon2::password_hash::phc::{Output, Salt};
use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::arena::Arena;
use super::common_passwords::is_common;
use super::hash_pool::{HashPool, PoolConfig, PoolUsage, monotonic_now};
use super::phc::{OUTPUT_BYTES, OutOfBounds, Row, SALT_BYTES, bounded_params, effort};
use crate::domain::{Entropy, PlainPassword, StoredPassword};
use error::failed;

mod error;
#[cfg(test)]
mod poisoned_rows;
#[cfg(test)]
mod tests;

pub use error::{HashError, HasherError, NewPasswordError};

/// The least budget where none is set. Memory is taken only when a hash needs it, so that today's hashes stay at one a
/// core; this is what rows of an earlier, higher price may take. Without it, lowering the price would lock out whoever
/// signed in before.
const LEAST_DEFAULT_BUDGET_KIB: usize = 256 * 1024;

/// What a hash costs, and how much memory all of them together may take.
#[derive(Clone, Copy, Debug)]
pub struct HasherConfig {
    /// Memory of one hash, in KiB: Argon2's `m`. OWASP asks for at least 19456 with two passes.
    pub memory_kib: u32,
    /// Passes over it: Argon2's `t`.
    pub passes: u32,
    /// Lanes: Argon2's `p`. They are computed one after another; the cores are for other people's hashes.
    pub lanes: u32,
    /// The memory of all hashes together, in MiB; `None` is one hash a core, and room for rows of an earlier price.
    pub hash_memory_mib: Option<u32>,
}

/// What a check found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verification {
    /// The password is right.
    Match {
        /// The row was made at other costs than the present ones: `rehash` and store it, once, when there is room.
        outdated: bool,
    },
    /// The password is wrong.
    Mismatch,
}

/// The hasher, a handle that is cheap to clone. When the last one is dropped, it waits for the running hashes.
#[derive(Clone)]
pub struct PasswordHasher(Arc<Inner>);

struct Inner {
    pool: HashPool,
    params: Params,
    budget_kib: usize,
    entropy: Arc<dyn Entropy>,
    decoy: StoredPassword,
}

/// Whether a stored password can be checked, given the memory: it is a hash within the bounds that hold for all.
#[must_use]
pub fn is_readable_hash(stored: &StoredPassword) -> bool {
    Row::parse(stored, usize::MAX).is_ok()
}

impl PasswordHasher {
    /// Checks the costs, makes the decoy, which measures one hash, and starts the threads.
    pub fn start(config: HasherConfig, entropy: Arc<dyn Entropy>) -> Result<Self, HasherError> {
        let params = bounded_params(config.memory_kib, config.passes, config.lanes, OUTPUT_BYTES)
            .map_err(|OutOfBounds(reason)| HasherError::Costs(reason))?;
        let needed_kib = params.block_count();
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let budget_kib = match config.hash_memory_mib {
            Some(mib) => mib as usize * 1024,
            None => (needed_kib * cores).max(LEAST_DEFAULT_BUDGET_KIB),
        };
        if budget_kib < needed_kib {
            return Err(HasherError::Budget { budget_kib, needed_kib });
        }
        let (decoy, first_estimate) = make_decoy(&params, entropy.as_ref())?;
        let pool = HashPool::start(PoolConfig {
            budget_kib,
            standard: effort(&params),
            cores,
            first_estimate,
            now: monotonic_now,
        })?;
        Ok(Self(Arc::new(Inner { pool, params, budget_kib, entropy, decoy })))
    }

    /// Hashes a new password, unless it is a common one.
    ///
    /// The list is asked in the pool as well, where its cost is bounded by the same queue.
    pub async fn hash_new(
        &self,
        password: impl Into<Arc<PlainPassword>>,
        deadline: Option<Instant>,
    ) -> Result<StoredPassword, NewPasswordError> {
        self.hash(password.into(), deadline, is_common).await
    }

    /// Hashes a password that was just verified, at the present costs. No list is asked: it is the user's already.
    pub async fn rehash(
        &self,
        password: impl Into<Arc<PlainPassword>>,
        deadline: Option<Instant>,
    ) -> Result<StoredPassword, HashError> {
        match self.hash(password.into(), deadline, |_| false).await {
            Ok(stored) => Ok(stored),
            Err(NewPasswordError::Hash(error)) => Err(error),
            Err(NewPasswordError::Common) => Err(HashError::Failed),
        }
    }

    /// Compares `password` with a stored one. A row that cannot be used costs what a wrong password costs.
    pub async fn verify(
        &self,
        password: impl Into<Arc<PlainPassword>>,
        stored: StoredPassword,
        deadline: Option<Instant>,
    ) -> Result<Verification, HashError> {
        let password = password.into();
        match Row::parse(&stored, self.0.budget_kib) {
            Ok(row) => self.check(Some(password), row, deadline).await,
            Err(reason) => {
                tracing::error!(%reason, "a stored password cannot be used");
                self.verify_decoy(Some(password), deadline).await?;
                Err(HashError::Unusable)
            }
        }
    }

    /// What `verify` does for a wrong password, where there is none to compare with: an unknown user, or `None` for a
    /// password too long to hash.
    pub async fn verify_decoy(
        &self,
        password: Option<Arc<PlainPassword>>,
        deadline: Option<Instant>,
    ) -> Result<(), HashError> {
        // Read again for each call, like a row from the database.
        let row = Row::parse(&self.0.decoy, self.0.budget_kib).map_err(|_| HashError::Failed)?;
        self.check(password, row, deadline).await?;
        Ok(())
    }

    /// What the pool is doing.
    #[must_use]
    pub fn usage(&self) -> PoolUsage {
        self.0.pool.usage()
    }

    async fn check(
        &self,
        password: Option<Arc<PlainPassword>>,
        row: Row,
        deadline: Option<Instant>,
    ) -> Result<Verification, HashError> {
        let outdated = row.differs_from(&self.0.params);
        let params = row.params.clone();
        let job = move |arena: &mut Arena| {
            let password = password.as_deref().map_or("", PlainPassword::expose);
            let computed = compute(&row.params, password, &row.salt, row.output.len(), arena)?;
            Ok::<bool, argon2::Error>(computed.as_slice().ct_eq(row.output.as_bytes()).into())
        };
        let effort = effort(&params);
        match self.0.pool.run(effort, deadline, job).await?.map_err(failed)? {
            true => Ok(Verification::Match { outdated }),
            false => Ok(Verification::Mismatch),
        }
    }

    async fn hash(
        &self,
        password: Arc<PlainPassword>,
        deadline: Option<Instant>,
        is_refused: fn(&str) -> bool,
    ) -> Result<StoredPassword, NewPasswordError> {
        let params = self.0.params.clone();
        let salt = random_salt(self.0.entropy.as_ref()).map_err(failed)?;
        let job = move |arena: &mut Arena| {
            if is_refused(password.expose()) {
                return Err(NewPasswordError::Common);
            }
            let output = compute(&params, password.expose(), &salt, OUTPUT_BYTES, arena).map_err(failed)?;
            let output = Output::new(&output).map_err(failed)?;
            let row = Row { params, salt, output };
            Ok(row.to_stored().map_err(failed)?)
        };
        let pooled = self.0.pool.run(effort(&self.0.params), deadline, job).await;
        pooled.map_err(HashError::from)?
    }
}

impl fmt::Debug for PasswordHasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PasswordHasher")
            .field("params", &self.0.params)
            .field("budget_kib", &self.0.budget_kib)
            .finish_non_exhaustive()
    }
}

/// A row that no password matches, at the present costs, and how long one hash took.
fn make_decoy(params: &Params, entropy: &dyn Entropy) -> Result<(StoredPassword, Duration), HasherError> {
    let mut secret = Zeroizing::new([0; 32]);
    entropy.fill(secret.as_mut());
    let password = Zeroizing::new(STANDARD_NO_PAD.encode(secret.as_slice()));
    let salt = random_salt(entropy).map_err(std::io::Error::other)?;
    let mut arena = Arena::allocate(params.block_count())
        .ok_or(std::io::ErrorKind::OutOfMemory)
        .map_err(std::io::Error::from)?;
    let started = monotonic_now();
    let output =
        compute(params, &password, &salt, OUTPUT_BYTES, &mut arena).map_err(std::io::Error::other)?;
    let took = monotonic_now().saturating_duration_since(started);
    let output = Output::new(&output).map_err(std::io::Error::other)?;
    let params = params.clone();
    let decoy = Row { params, salt, output }.to_stored().map_err(std::io::Error::other)?;
    Ok((decoy, took))
}

fn random_salt(entropy: &dyn Entropy) -> Result<Salt, argon2::password_hash::phc::Error> {
    let mut salt = [0; SALT_BYTES];
    entropy.fill(&mut salt);
    Salt::new(&salt)
}

fn compute(
    params: &Params,
    password: &str,
    salt: &Salt,
    bytes: usize,
    arena: &mut Arena,
) -> Result<Zeroizing<Vec<u8>>, argon2::Error> {
    let mut output = Zeroizing::new(vec![0; bytes]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone()).hash_password_into_with_memory(
        password.as_bytes(),
        salt.as_ref(),
        &mut output,
        arena.blocks(),
    )?;
    Ok(output)
}
