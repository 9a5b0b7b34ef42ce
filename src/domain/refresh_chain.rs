//! Which refresh token of a session is good, and what it means to present one. Each works once; a call whose answer was
//! lost may be repeated. Owns the decision on hashes alone: making tokens and hashes is `crypto`'s, and that two of
//! these transitions cannot happen at once is the store's, by one conditional statement.
//!
//! ```text
//!   generation g is current                                generation g + 1 is current
//! ┌─────────────────────────────┐  presented: current    ┌─────────────────────────────────────┐
//! │ current: hash(g)            │ ─────────────────────▶ │ current: hash(g + 1)                │
//! │ spent:   hash(g - 1), key   │        rotates         │ spent:   hash(g), key of this call  │
//! └─────────────────────────────┘                        └─────────────────────────────────────┘
//!   presented: spent, same key     repeats: the token of generation g once more, nothing changes
//!   presented: current, spent key  refused, nothing changes: a client that uses one key for all its tokens would look
//!                                  like its own thief
//!   presented: anything else       reused: the session ends, for good
//! ```
//!
//! Only genuine tokens come here: their MAC says that this service made them for this session. So a token that is
//! neither current nor a repetition was spent before, or belongs to a life of the database that was lost.

use std::fmt;

/// Which of a session's refresh tokens: the first is 1, each rotation adds one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Generation(u64);

/// A keyed hash of a refresh token's secret.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TokenHash([u8; 32]);

/// A keyed hash of a retry key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct RetryHash([u8; 32]);

/// What goes into a successor beside its predecessor; worth nothing alone.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Salt([u8; 32]);

/// What the database keeps of a session's refresh tokens: two of them, however many there were.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefreshChain {
    /// The current token's generation.
    pub generation: Generation,
    /// The current token.
    pub current: TokenHash,
    /// The token before it, if there was one.
    pub spent: Option<Spent>,
}

/// The token that was spent for the current one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spent {
    /// The token.
    pub token: TokenHash,
    /// The retry key of the call that spent it, if it had one.
    pub retry: Option<RetryHash>,
    /// What the current token was made with.
    pub salt: Salt,
}

/// A genuine refresh token as it was presented.
#[derive(Clone, Copy, Debug)]
pub struct PresentedRefresh {
    /// Its generation.
    pub generation: Generation,
    /// Its hash.
    pub token: TokenHash,
    /// The hash of the retry key beside it.
    pub retry: Option<RetryHash>,
}

/// What it means that a token was presented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presentation {
    /// It is the current one: spend it.
    Rotates,
    /// It was spent by a call whose answer did not arrive: give the current one again, which this salt went into.
    Repeats(Salt),
    /// It is the current one, with the retry key that its predecessor was spent with.
    RetryKeyRepeated,
    /// It was spent before: somebody else has it.
    Reused,
}

impl RefreshChain {
    /// The chain of a session that has just been opened.
    #[must_use]
    pub const fn start(first: TokenHash) -> Self {
        Self { generation: Generation::FIRST, current: first, spent: None }
    }

    /// What it means to present `presented` now.
    #[must_use]
    pub fn judge(&self, presented: &PresentedRefresh) -> Presentation {
        let spent_with = self.spent.and_then(|spent| spent.retry);
        if presented.generation == self.generation && presented.token == self.current {
            return match presented.retry {
                Some(key) if spent_with == Some(key) => Presentation::RetryKeyRepeated,
                _ => Presentation::Rotates,
            };
        }
        match self.spent {
            Some(spent)
                if presented.generation.next() == self.generation
                    && presented.token == spent.token
                    && presented.retry.is_some()
                    && presented.retry == spent.retry =>
            {
                Presentation::Repeats(spent.salt)
            }
            _ => Presentation::Reused,
        }
    }

    /// The chain after its current token was spent by a call with the retry key `retry`, for a successor that `salt` went
    /// into.
    #[must_use]
    pub fn rotate(self, successor: TokenHash, salt: Salt, retry: Option<RetryHash>) -> Self {
        Self {
            generation: self.generation.next(),
            current: successor,
            spent: Some(Spent { token: self.current, retry, salt }),
        }
    }
}

impl Generation {
    /// The generation of the token that a session is opened with.
    pub const FIRST: Self = Self(1);

    /// The generation of this number.
    #[must_use]
    pub const fn from_number(number: u64) -> Self {
        Self(number)
    }

    /// The number.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0
    }

    /// The one after it.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

macro_rules! bytes {
    ($($name:ident),*) => {$(
        impl $name {
            /// The value that these bytes are.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; 32]) -> Self {
                Self(bytes)
            }

            /// The bytes.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; 32] {
                &self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(…)"))
            }
        }
    )*};
}

bytes!(TokenHash, RetryHash, Salt);

#[cfg(test)]
mod tests {
    use super::*;

    fn token(generation: u64) -> TokenHash {
        TokenHash::from_bytes([u8::try_from(generation).unwrap(); 32])
    }

    fn key(number: u8) -> RetryHash {
        RetryHash::from_bytes([number; 32])
    }

    fn salt(generation: u64) -> Salt {
        Salt::from_bytes([u8::try_from(generation).unwrap(); 32])
    }

    /// A chain whose generations 1 to 3 were spent, the last with `retry`.
    fn chain(retry: Option<RetryHash>) -> RefreshChain {
        let first = RefreshChain::start(token(1));
        first.rotate(token(2), salt(2), Some(key(1))).rotate(token(3), salt(3), Some(key(2))).rotate(
            token(4),
            salt(4),
            retry,
        )
    }

    fn judge(chain: RefreshChain, generation: u64, retry: Option<u8>) -> Presentation {
        chain.judge(&PresentedRefresh {
            generation: Generation::from_number(generation),
            token: token(generation),
            retry: retry.map(key),
        })
    }

    #[test]
    fn the_current_token_rotates_with_any_key_but_the_last() {
        let chain = chain(Some(key(3)));
        assert_eq!(chain.generation.number(), 4);
        for retry in [None, Some(1), Some(2), Some(4)] {
            assert_eq!(judge(chain, 4, retry), Presentation::Rotates, "{retry:?}");
        }
        assert_eq!(judge(chain, 4, Some(3)), Presentation::RetryKeyRepeated);
        assert_eq!(judge(RefreshChain::start(token(1)), 1, Some(3)), Presentation::Rotates);
    }

    #[test]
    fn the_spent_token_repeats_with_its_own_key_alone() {
        let with_key = chain(Some(key(3)));
        assert_eq!(judge(with_key, 3, Some(3)), Presentation::Repeats(salt(4)));
        for retry in [None, Some(2), Some(4)] {
            assert_eq!(judge(with_key, 3, retry), Presentation::Reused, "{retry:?}");
        }
        let without = chain(None);
        for retry in [None, Some(3)] {
            assert_eq!(judge(without, 3, retry), Presentation::Reused, "{retry:?}");
        }
    }

    #[test]
    fn every_other_generation_was_spent_by_somebody() {
        let chain = chain(Some(key(3)));
        for generation in [1, 2, 5, 6] {
            for retry in [None, Some(1), Some(2), Some(3)] {
                assert_eq!(judge(chain, generation, retry), Presentation::Reused, "{generation} {retry:?}");
            }
        }
        // The right generation and another secret: a token of a life of the database that was lost.
        for generation in [3, 4] {
            let presented = PresentedRefresh {
                generation: Generation::from_number(generation),
                token: token(9),
                retry: Some(key(3)),
            };
            assert_eq!(chain.judge(&presented), Presentation::Reused);
        }
    }
}
