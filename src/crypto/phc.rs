//! PHC strings of Argon2id: writing new ones, and reading stored ones within bounds. Computes no hash.
//!
//! A database row is outside text: whoever can write one must not be able to ask for 4 TiB or an hour of hashing.

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{ARGON2ID_IDENT, Params, Version};

use super::hash_pool::Effort;
use crate::domain::StoredPassword;

/// Bytes of random salt in a new row (RFC 9106, section 3.1).
pub(super) const SALT_BYTES: usize = 16;
/// Bytes of hash in a new row: 256 bits (RFC 9106, section 4).
pub(super) const OUTPUT_BYTES: usize = 32;

/// The most memory of one hash: 1 GiB, in KiB.
const MAX_MEMORY_KIB: u32 = 1 << 20;
const MAX_PASSES: u32 = 32;
const MAX_LANES: u32 = 16;
/// The most memory times passes, in KiB: 4 GiB, a few seconds of one core.
const MAX_EFFORT_KIB: u64 = 4 << 20;
/// A hash this short is worth a collision search; 128 bits are what others store at least.
const MIN_OUTPUT_BYTES: usize = 16;

/// A row that was read, within bounds.
pub(super) struct Row {
    pub(super) params: Params,
    pub(super) salt: Salt,
    pub(super) output: Output,
}

/// What is wrong with a row or with costs; it quotes nothing of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct OutOfBounds(pub(super) &'static str);

impl Row {
    /// Reads a stored row whose hash may take at most `budget_kib` of memory.
    pub(super) fn parse(stored: &StoredPassword, budget_kib: usize) -> Result<Self, OutOfBounds> {
        let hash =
            PasswordHash::new(stored.expose_phc()).map_err(|_| OutOfBounds("it is not a PHC string"))?;
        if hash.algorithm != ARGON2ID_IDENT || hash.version != Some(u32::from(Version::V0x13)) {
            return Err(OutOfBounds("the algorithm is not Argon2id version 19"));
        }
        let (Some(salt), Some(output)) = (hash.salt, hash.hash) else {
            return Err(OutOfBounds("the salt or the hash is missing"));
        };
        if output.len() < MIN_OUTPUT_BYTES {
            return Err(OutOfBounds("the hash is too short"));
        }
        let [memory_kib, passes, lanes] = numbers(&hash.params)?;
        let params = bounded_params(memory_kib, passes, lanes, output.len())?;
        if params.block_count() > budget_kib {
            return Err(OutOfBounds("its hash needs more memory than --hash-memory-mib allows"));
        }
        Ok(Self { params, salt, output })
    }

    /// The text to store.
    pub(super) fn to_stored(&self) -> Result<StoredPassword, OutOfBounds> {
        let hash = PasswordHash {
            algorithm: ARGON2ID_IDENT,
            version: Some(u32::from(Version::V0x13)),
            params: ParamsString::try_from(&self.params)
                .map_err(|_| OutOfBounds("the costs do not print"))?,
            salt: Some(self.salt),
            hash: Some(self.output),
        };
        Ok(StoredPassword::from_phc(hash.to_string()))
    }

    /// Whether a new row would be made otherwise.
    pub(super) fn differs_from(&self, current: &Params) -> bool {
        self.params != *current || self.salt.len() < SALT_BYTES
    }
}

/// Costs within the bounds that this service computes, for settings and for rows.
pub(super) fn bounded_params(
    memory_kib: u32,
    passes: u32,
    lanes: u32,
    output_bytes: usize,
) -> Result<Params, OutOfBounds> {
    if memory_kib > MAX_MEMORY_KIB {
        return Err(OutOfBounds("more than 1 GiB of memory"));
    }
    if passes > MAX_PASSES {
        return Err(OutOfBounds("more than 32 passes"));
    }
    if lanes > MAX_LANES {
        return Err(OutOfBounds("more than 16 lanes"));
    }
    if u64::from(memory_kib) * u64::from(passes) > MAX_EFFORT_KIB {
        return Err(OutOfBounds("memory times passes is more than 4 GiB"));
    }
    Params::new(memory_kib, passes, lanes, Some(output_bytes))
        .map_err(|_| OutOfBounds("less than 8 KiB of memory a lane, one pass or one lane"))
}

/// What hashing with `params` costs.
pub(super) fn effort(params: &Params) -> Effort {
    Effort { blocks: params.block_count(), passes: params.t_cost() }
}

/// `m`, `t` and `p`, each once and nothing else: a default for what is missing would be a guess, and `data` would change
/// the hash.
fn numbers(params: &ParamsString) -> Result<[u32; 3], OutOfBounds> {
    if params.iter().count() != 3 {
        return Err(OutOfBounds("the costs are not m, t and p"));
    }
    let mut numbers = [0; 3];
    for (name, number) in ["m", "t", "p"].into_iter().zip(&mut numbers) {
        *number = params.get_decimal(name).ok_or(OutOfBounds("the costs are not m, t and p"))?;
    }
    Ok(numbers)
}
