//! The memory that hashing may use: arenas of Argon2 blocks, and the ledger that keeps their sum below the budget.
//! Owns no thread and no lock; who gets an arena when is the pool's business.

use argon2::Block;

/// Memory for one hash. Argon2 overwrites every block of it before reading, so it is reused as it is.
#[derive(Debug)]
pub(super) struct Arena {
    blocks: Vec<Block>,
    used: bool,
}

impl Arena {
    /// `blocks` fresh blocks of 1 KiB, or `None` if the system has no more memory.
    pub(super) fn allocate(blocks: usize) -> Option<Self> {
        let mut memory = Vec::new();
        memory.try_reserve_exact(blocks).ok()?;
        memory.resize(blocks, Block::new());
        Some(Self { blocks: memory, used: false })
    }

    /// The blocks, for `Argon2::hash_password_into_with_memory`. At least as many as the job asked for.
    pub(super) fn blocks(&mut self) -> &mut [Block] {
        self.used = true;
        &mut self.blocks
    }

    /// Its size, in blocks of 1 KiB.
    pub(super) fn len(&self) -> usize {
        self.blocks.len()
    }

    /// Whether anybody hashed in it since it was last wiped.
    pub(super) fn is_used(&self) -> bool {
        self.used
    }

    /// Overwrites what the last hash left. The passes of Argon2 can be undone by who has all of the blocks, and the
    /// first two blocks are one BLAKE2b away from the password: a used arena lets its reader guess without the cost
    /// that Argon2 is there for. (`argon2`'s feature `zeroize` wipes its buffers on the stack, not this memory.)
    pub(super) fn wipe(&mut self) {
        if self.used {
            self.blocks.fill(Block::new());
            self.used = false;
        }
    }
}

/// What exists, in blocks of 1 KiB: free arenas for reuse, and those in use.
#[derive(Debug)]
pub(super) struct Ledger {
    budget: usize,
    standard: usize,
    taken: usize,
    peak: usize,
    free: Vec<Arena>,
}

/// Leave to use memory, given under the lock; the allocation itself happens outside.
#[derive(Debug)]
pub(super) enum Grant {
    /// A free arena, ready.
    Reuse(Arena),
    /// Leave to allocate `blocks`, once `evicted` has been dropped.
    Allocate {
        /// How many blocks.
        blocks: usize,
        /// Free arenas that must go first.
        evicted: Vec<Arena>,
    },
}

impl Ledger {
    /// An empty ledger for at most `budget` blocks, with arenas of `standard` blocks kept for reuse.
    pub(super) fn new(budget: usize, standard: usize) -> Self {
        Self { budget, standard, taken: 0, peak: 0, free: Vec::new() }
    }

    /// Blocks that exist: free and in use.
    pub(super) fn taken(&self) -> usize {
        self.taken
    }

    /// The most blocks that ever existed at once.
    pub(super) fn peak(&self) -> usize {
        self.peak
    }

    /// Whether `need` blocks could be granted now.
    pub(super) fn has_room(&self, need: usize) -> bool {
        let blocks = need.max(self.standard);
        self.in_use() + blocks <= self.budget
    }

    /// Leave to use `need` blocks, or `None` until others give theirs back.
    pub(super) fn grant(&mut self, need: usize) -> Option<Grant> {
        if need <= self.standard
            && let Some(arena) = self.free.pop()
        {
            return Some(Grant::Reuse(arena));
        }
        if !self.has_room(need) {
            return None;
        }
        let blocks = need.max(self.standard);
        let mut evicted = Vec::new();
        while self.taken + blocks > self.budget
            && let Some(arena) = self.free.pop()
        {
            self.taken -= arena.len();
            evicted.push(arena);
        }
        self.taken += blocks;
        self.peak = self.peak.max(self.taken);
        Some(Grant::Allocate { blocks, evicted })
    }

    /// Whether an arena of this size is kept for the next hash; any other is dropped and then `released`.
    pub(super) fn keeps(&self, arena: &Arena) -> bool {
        arena.len() == self.standard
    }

    /// Takes back an arena that it `keeps`.
    pub(super) fn give_back(&mut self, arena: Arena) {
        self.free.push(arena);
    }

    /// Takes note that `blocks` granted ones no longer exist.
    pub(super) fn release(&mut self, blocks: usize) {
        self.taken -= blocks;
    }

    fn in_use(&self) -> usize {
        self.taken - self.free.iter().map(Arena::len).sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(ledger: &mut Ledger, need: usize) -> Option<Arena> {
        match ledger.grant(need)? {
            Grant::Reuse(arena) => Some(arena),
            Grant::Allocate { blocks, evicted } => {
                drop(evicted);
                Arena::allocate(blocks)
            }
        }
    }

    #[test]
    fn free_arenas_are_reused_and_make_room_for_a_larger_one() {
        let mut ledger = Ledger::new(32, 8);
        let arenas: Vec<_> = (0..4).filter_map(|_| take(&mut ledger, 8)).collect();
        assert_eq!((arenas.len(), ledger.taken()), (4, 32));
        assert!(ledger.grant(1).is_none(), "the budget is spent");
        for arena in arenas {
            ledger.give_back(arena);
        }
        assert!(matches!(ledger.grant(3), Some(Grant::Reuse(arena)) if arena.len() == 8));
        assert!(ledger.grant(25).is_none(), "8 of 32 are in use");
        let large = take(&mut ledger, 20).unwrap();
        assert_eq!((large.len(), ledger.taken(), ledger.peak()), (20, 28, 32));
        ledger.release(large.len());
        assert_eq!(ledger.taken(), 8);
    }

    #[test]
    fn a_wiped_arena_keeps_nothing_of_the_last_hash() {
        let mut arena = Arena::allocate(8).unwrap();
        arena.blocks()[7].as_mut()[127] = 0xdead_beef;
        assert!(arena.is_used());
        arena.wipe();
        assert!(!arena.is_used());
        let words = arena.blocks().iter().flat_map(|block| block.as_ref().iter().copied());
        assert_eq!(words.sum::<u64>(), 0);
    }
}
