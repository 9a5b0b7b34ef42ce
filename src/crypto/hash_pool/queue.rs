//! The pool's state under its lock: who waits, who runs, how long a hash takes, and the sums that decide admission.
//! Owns no thread, and calls no job.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::{Effort, PoolConfig, PoolError, PoolUsage};
use crate::crypto::arena::{Arena, Grant, Ledger};

/// Nobody waits longer for a thread, whatever the caller's deadline.
const MAX_WAIT: Duration = Duration::from_secs(5);
/// The queue's end where hashes are so cheap that five seconds of them would fill the memory with waiting callers.
const MAX_QUEUE: usize = 4096;
/// No refusal sends anybody away for longer.
const MAX_RETRY: Duration = Duration::from_secs(60);
/// A new measurement's share in the average: the last eight or so count.
const NEWEST: f64 = 0.125;

/// A job's number, in the order of arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place(u64);

/// What a thread tells a job when its turn has come.
pub(super) enum Turn<'a> {
    /// Its memory.
    Run(&'a mut Arena),
    /// Why it does not run.
    Refuse(PoolError),
}

/// A job that waits.
pub(super) struct Job {
    pub(super) place: Place,
    pub(super) effort: Effort,
    latest: Instant,
    pub(super) work: Work,
}

type Work = Box<dyn FnOnce(Turn<'_>) + Send>;

/// Everything under the pool's lock.
#[derive(Debug)]
pub(super) struct State {
    config: PoolConfig,
    threads: usize,
    queue: VecDeque<Job>,
    running: Vec<Running>,
    pub(super) ledger: Ledger,
    /// Seconds a block and pass takes, exponentially averaged.
    pace: f64,
    effort: u64,
    next: u64,
    closing: bool,
}

#[derive(Debug)]
struct Running {
    place: Place,
    effort: Effort,
    /// `None` while its memory is being allocated.
    started: Option<Instant>,
}

impl State {
    /// An empty queue for `threads` threads.
    pub(super) fn new(config: PoolConfig, threads: usize) -> Self {
        Self {
            config,
            threads,
            queue: VecDeque::new(),
            running: Vec::with_capacity(threads),
            ledger: Ledger::new(config.budget_kib, config.standard.blocks.min(config.budget_kib)),
            pace: config.first_estimate.as_secs_f64() / config.standard.product(),
            effort: 0,
            next: 0,
            closing: false,
        }
    }

    /// Puts a job at the end of the queue, if it can be done in time.
    pub(super) fn admit(
        &mut self,
        effort: Effort,
        deadline: Option<Instant>,
        now: Instant,
        work: Work,
    ) -> Result<Place, PoolError> {
        if effort.blocks > self.config.budget_kib {
            return Err(PoolError::TooLarge);
        }
        let wait = self.wait(effort, now);
        let end = wait.saturating_add(self.run_time(effort));
        let allowed = deadline.map_or(Duration::MAX, |at| at.saturating_duration_since(now));
        if wait > MAX_WAIT || end > allowed || self.queue.len() >= MAX_QUEUE {
            // Half of the queue: a hint of the first gap alone would bring everybody back at once.
            let excess = end.saturating_sub(allowed).max(wait / 2);
            return Err(PoolError::Busy { retry_after: self.retry_after(excess) });
        }
        let place = Place(self.next);
        self.next += 1;
        let latest = deadline.map_or(now + MAX_WAIT, |at| at.min(now + MAX_WAIT));
        self.queue.push_back(Job { place, effort, latest, work });
        Ok(place)
    }

    /// Takes a job out of the queue whose caller has gone. `None` if its turn has come already.
    pub(super) fn leave(&mut self, place: Place) -> Option<Job> {
        let index = self.queue.iter().position(|job| job.place == place)?;
        self.queue.remove(index)
    }

    /// The head of the queue if its time has passed, and when its caller may come again.
    pub(super) fn pop_late(&mut self, now: Instant) -> Option<(Job, Duration)> {
        let late = self.queue.pop_front_if(|job| job.latest < now)?;
        let wait = self.wait(late.effort, now);
        Some((late, self.retry_after(wait)))
    }

    /// The head of the queue if its memory is there.
    pub(super) fn pop_ready(&mut self) -> Option<(Job, Grant)> {
        let grant = self.ledger.grant(self.queue.front()?.effort.blocks)?;
        let job = self.queue.pop_front()?;
        self.running.push(Running { place: job.place, effort: job.effort, started: None });
        Some((job, grant))
    }

    /// Notes that a job's memory is there and it begins.
    pub(super) fn started(&mut self, place: Place, at: Instant) {
        if let Some(running) = self.running.iter_mut().find(|running| running.place == place) {
            running.started = Some(at);
        }
    }

    /// Notes that a job is over. Its time counts if it `hashed`: one refused without a hash must not make the queue look
    /// faster than it is.
    pub(super) fn ended(&mut self, place: Place, took: Option<Duration>, hashed: bool) {
        let Some(index) = self.running.iter().position(|running| running.place == place) else {
            return;
        };
        let effort = self.running.swap_remove(index).effort;
        let Some(took) = took else { return };
        if hashed {
            self.effort = self.effort.saturating_add(effort.blocks as u64 * u64::from(effort.passes));
        }
        if hashed || took > self.run_time(effort) {
            self.pace += NEWEST * (took.as_secs_f64() / effort.product() - self.pace);
        }
    }

    /// Ends the queue. The jobs in it are the caller's to drop, outside the lock.
    pub(super) fn close(&mut self) -> VecDeque<Job> {
        self.closing = true;
        std::mem::take(&mut self.queue)
    }

    /// Whether the threads are to end.
    pub(super) fn is_closing(&self) -> bool {
        self.closing
    }

    /// Whether nobody waits.
    pub(super) fn is_idle(&self) -> bool {
        self.queue.is_empty()
    }

    /// The numbers, for gauges.
    pub(super) fn usage(&self) -> PoolUsage {
        PoolUsage {
            queued: self.queue.len(),
            running: self.running.len(),
            allocated_kib: self.ledger.taken(),
            peak_kib: self.ledger.peak(),
            effort: self.effort,
        }
    }

    /// How long a job at the end of the queue would wait for a thread and its memory.
    fn wait(&self, effort: Effort, now: Instant) -> Duration {
        let free = self.running.len() < self.threads && self.ledger.has_room(effort.blocks);
        if self.queue.is_empty() && free {
            return Duration::ZERO;
        }
        let queued = self.queue.iter().map(|job| (job.effort, Duration::ZERO));
        let running = self.running.iter().map(|running| {
            let since = running.started.map(|at| now.saturating_duration_since(at));
            (running.effort, since.unwrap_or_default())
        });
        let seconds = queued
            .chain(running)
            .map(|(effort, done)| {
                self.run_time(effort).saturating_sub(done).as_secs_f64() * self.share(effort)
            })
            .sum();
        to_duration(seconds)
    }

    /// The part of the whole pool that a job occupies: a thread, or more where it takes more memory than a thread's.
    #[expect(clippy::cast_precision_loss, reason = "an estimate, of numbers far below 2^52")]
    fn share(&self, effort: Effort) -> f64 {
        let of_memory = effort.blocks as f64 / self.config.budget_kib.max(1) as f64;
        of_memory.max(1.0 / self.threads as f64)
    }

    fn run_time(&self, effort: Effort) -> Duration {
        to_duration(effort.product() * self.pace)
    }

    /// Not before one hash has been done: at once would be too soon in any case.
    fn retry_after(&self, excess: Duration) -> Duration {
        excess.max(self.run_time(self.config.standard)).min(MAX_RETRY)
    }
}

impl Effort {
    #[expect(clippy::cast_precision_loss, reason = "an estimate, of numbers far below 2^52")]
    fn product(self) -> f64 {
        self.blocks.max(1) as f64 * f64::from(self.passes.max(1))
    }
}

impl std::fmt::Debug for Job {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Job({:?}, {:?})", self.place, self.effort)
    }
}

fn to_duration(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
}
