//! Tokens that have been verified, so that a signature is checked once and not on every call. It remembers what a token
//! says, never that it is still good: expiry, keys and revocations are asked on every use.

use quick_cache::Weighter;
use quick_cache::sync::Cache;

use crate::Caller;

/// The memory that remembered tokens may take, in bytes.
const CAPACITY: u64 = 8 << 20;
/// What a remembered token takes beside its text: claims, names, roles and the cache's own entry. A rough figure; it
/// only has to keep the total in its bound.
const ENTRY_OVERHEAD: u64 = 768;
/// How many tokens are expected, for the cache's first allocation.
const EXPECTED_TOKENS: usize = 1024;

/// The remembered tokens, by their exact text: another spelling of the same token is another key, and not in here.
pub(super) struct TokenCache(Cache<Box<str>, Caller, Weight>);

#[derive(Clone)]
struct Weight;

impl Weighter<Box<str>, Caller> for Weight {
    fn weight(&self, token: &Box<str>, _: &Caller) -> u64 {
        token.len() as u64 + ENTRY_OVERHEAD
    }
}

impl TokenCache {
    pub(super) fn new() -> Self {
        Self(Cache::with_weighter(EXPECTED_TOKENS, CAPACITY, Weight))
    }

    /// Whom this very text was found to speak for.
    pub(super) fn find(&self, token: &str) -> Option<Caller> {
        self.0.get(token)
    }

    pub(super) fn remember(&self, token: &str, caller: Caller) {
        self.0.insert(token.into(), caller);
    }
}
