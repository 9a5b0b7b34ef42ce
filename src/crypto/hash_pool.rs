//! Threads for memory-hard work, with a memory budget and a queue that says no early.
//!
//! Owns the threads, the queue and the arenas. Knows nothing of passwords or of Argon2 beyond its memory blocks.
//!
//! ```text
//! run -> refused at once: larger than the budget, or it could not be done in time
//!     -> queued -> caller gone: taken out of the queue
//!               -> too late when its turn comes: refused
//!               -> has its memory: runs on a thread -> answered (a panic too)
//! ```
//!
//! First in, first out: when the head needs more memory than is free, everything behind it waits, so that a large job
//! is never starved by small ones.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::arena::{Arena, Grant};
use queue::{Job, Place, State, Turn};

#[cfg(test)]
mod admission_tests;
mod queue;
#[cfg(test)]
mod tests;

/// How much nicer than the rest of the process the threads are. At +10 the kernel gives a thread that serves requests
/// about nine times their share of a contended core; still nicer, and another program's load would stop sign-ins.
const NICENESS: i32 = 10;

/// What the pool is built from.
#[derive(Clone, Copy, Debug)]
pub(super) struct PoolConfig {
    /// The most memory that all arenas together take, in KiB.
    pub(super) budget_kib: usize,
    /// What one hash at the present costs takes: KiB and passes.
    pub(super) standard: Effort,
    /// The most threads.
    pub(super) cores: usize,
    /// The first estimate of one standard hash's time, replaced by what is measured.
    pub(super) first_estimate: Duration,
    /// The monotonic clock.
    pub(super) now: fn() -> Instant,
}

/// What a job costs. Argon2's time grows with the product of both.
#[derive(Clone, Copy, Debug)]
pub(super) struct Effort {
    /// Blocks of memory, 1 KiB each.
    pub(super) blocks: usize,
    /// Passes over them.
    pub(super) passes: u32,
}

/// Why a job has no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum PoolError {
    /// It could not be done in time. There may be room after `retry_after`.
    #[error("the hashing queue is full")]
    Busy {
        /// When to ask again.
        retry_after: Duration,
    },
    /// It needs more memory than the whole budget.
    #[error("the job needs more memory than there is")]
    TooLarge,
    /// It panicked, or the system had no memory to give.
    #[error("the job failed")]
    Failed,
}

/// What the pool is doing, for tests and gauges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolUsage {
    /// Jobs that wait.
    pub queued: usize,
    /// Jobs that run.
    pub running: usize,
    /// Memory that exists, in KiB: free and in use.
    pub allocated_kib: usize,
    /// The most that ever existed at once, in KiB.
    pub peak_kib: usize,
    /// Work done since the start: the sum of KiB times passes over all hashes.
    pub effort: u64,
}

/// The pool. Dropping it lets running jobs end, and waits for them.
#[derive(Debug)]
pub(super) struct HashPool {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    config: PoolConfig,
    state: Mutex<State>,
    changed: Condvar,
}

impl HashPool {
    /// Starts the threads: one a core, but no more than have a standard arena within the budget, and at least one.
    pub(super) fn start(config: PoolConfig) -> std::io::Result<Self> {
        let count = config.cores.min(config.budget_kib / config.standard.blocks.max(1)).max(1);
        let shared = Arc::new(Shared {
            config,
            state: Mutex::new(State::new(config, count)),
            changed: Condvar::new(),
        });
        // Built before the threads: if the system refuses one, dropping the pool ends those already started.
        let mut pool = Self { shared, threads: Vec::with_capacity(count) };
        for number in 0..count {
            let shared = Arc::clone(&pool.shared);
            pool.threads.push(std::thread::Builder::new().name(format!("hash-{number}")).spawn(
                move || {
                    lower_priority();
                    shared.work();
                },
            )?);
        }
        Ok(pool)
    }

    /// Runs `job` on a thread of the pool, with memory for `effort`. Refused at once, before anything is allocated,
    /// when it would start after five seconds or end after `deadline`. Dropping the future takes it out of the queue;
    /// a job that has started runs to its end.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        effort: Effort,
        deadline: Option<Instant>,
        job: impl FnOnce(&mut Arena) -> T + Send + 'static,
    ) -> Result<T, PoolError> {
        let (answer, outcome) = oneshot::channel();
        let span = tracing::Span::current();
        let work = Box::new(move |turn: Turn<'_>| {
            let result = match turn {
                // Nobody waits any more: the place was taken between the caller's leaving and this moment.
                Turn::Run(_) if answer.is_closed() => return,
                Turn::Run(arena) => span
                    .in_scope(|| catch_unwind(AssertUnwindSafe(|| job(arena))))
                    .map_err(|_| PoolError::Failed),
                Turn::Refuse(error) => Err(error),
            };
            // An error here is a caller who has gone.
            let _ = answer.send(result);
        });
        let now = (self.shared.config.now)();
        let place = self.shared.lock().admit(effort, deadline, now, work)?;
        self.shared.changed.notify_one();
        let _seat = Seat { shared: &self.shared, place };
        outcome.await.unwrap_or(Err(PoolError::Failed))
    }

    /// What it is doing.
    pub(super) fn usage(&self) -> PoolUsage {
        self.shared.lock().usage()
    }
}

impl Drop for HashPool {
    fn drop(&mut self) {
        let abandoned = self.shared.lock().close();
        self.shared.changed.notify_all();
        drop(abandoned);
        for thread in self.threads.drain(..) {
            // A job may hold the last handle; a thread does not wait for itself.
            if thread.thread().id() != std::thread::current().id() && thread.join().is_err() {
                tracing::error!("a hashing thread had panicked");
            }
        }
    }
}

/// A caller's place in the queue, given up when the caller leaves: neither its password nor its share of the estimate
/// stays behind.
struct Seat<'a> {
    shared: &'a Shared,
    place: Place,
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        let job = self.shared.lock().leave(self.place);
        if job.is_some() {
            // The head may have gone, and what is behind it may have its memory already.
            self.shared.changed.notify_one();
        }
        drop(job);
    }
}

impl Shared {
    /// A poisoned lock is taken as it is: nothing under it runs foreign code.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One thread's life.
    fn work(&self) {
        while let Some((job, grant)) = self.next() {
            let Some(mut arena) = self.arena(grant) else {
                self.lock().ended(job.place, None, false);
                (job.work)(Turn::Refuse(PoolError::Failed));
                continue;
            };
            let started = (self.config.now)();
            self.lock().started(job.place, started);
            (job.work)(Turn::Run(&mut arena));
            let took = (self.config.now)().saturating_duration_since(started);
            self.put_away(arena, job.place, took);
        }
    }

    /// Waits for a job whose turn it is and whose memory is there; `None` when the pool ends.
    fn next(&self) -> Option<(Job, Grant)> {
        let mut state = self.lock();
        loop {
            let now = (self.config.now)();
            if let Some((late, retry_after)) = state.pop_late(now) {
                drop(state);
                (late.work)(Turn::Refuse(PoolError::Busy { retry_after }));
                state = self.lock();
            } else if let Some(next) = state.pop_ready() {
                // One thread wakes the next: a notice may have come while all of them waited for memory.
                self.changed.notify_one();
                return Some(next);
            } else if state.is_closing() {
                return None;
            } else {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
        }
    }

    /// The memory that was granted. Outside the lock: callers on the reactor take it too, and mapping and zeroing
    /// an arena takes milliseconds.
    fn arena(&self, grant: Grant) -> Option<Arena> {
        match grant {
            Grant::Reuse(arena) => Some(arena),
            Grant::Allocate { blocks, evicted } => {
                drop(evicted);
                let arena = Arena::allocate(blocks);
                if arena.is_none() {
                    tracing::error!(kib = blocks, "the system has no memory for a hash");
                    self.lock().ledger.release(blocks);
                }
                arena
            }
        }
    }

    /// Under load the next hash overwrites the arena at once, and wiping its 19 MiB first takes half a millisecond of
    /// fifteen. So it is wiped after the answer, when nobody waits or when the memory goes back to the allocator.
    fn put_away(&self, mut arena: Arena, place: Place, took: Duration) {
        let hashed = arena.is_used();
        let (keep, idle) = {
            let state = self.lock();
            (state.ledger.keeps(&arena), state.is_idle())
        };
        if !keep || idle {
            arena.wipe();
        }
        let blocks = arena.len();
        let kept = keep.then_some(arena);
        let mut state = self.lock();
        match kept {
            Some(arena) => state.ledger.give_back(arena),
            None => state.ledger.release(blocks),
        }
        state.ended(place, Some(took), hashed);
    }
}

/// The monotonic clock, for queues and deadlines: it measures spans and is never compared with stored times.
#[expect(clippy::disallowed_methods, reason = "the one reading; the pool takes it as an argument")]
pub(super) fn monotonic_now() -> Instant {
    Instant::now()
}

/// On Linux the niceness belongs to the calling thread alone.
fn lower_priority() {
    if let Err(error) = rustix::process::nice(NICENESS) {
        tracing::debug!(%error, "a hashing thread keeps its normal priority");
    }
}
