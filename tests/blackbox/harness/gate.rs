//! Randomness that can hold one call up: every call that writes draws some after it has read and proven what it decides on,
//! and before its transaction. Whatever a test does meanwhile happens between the two.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use countersign::domain::Entropy;
use tokio::sync::Notify;
use tokio::time::timeout;

use super::SeededEntropy;

/// How long a call may take to come to the gate, before its test gives up on it.
const PATIENCE: Duration = Duration::from_secs(30);

/// Open, until it is told to stop somebody. Needs a runtime of several threads: whoever is held up blocks one.
pub struct Gate {
    source: SeededEntropy,
    state: Mutex<State>,
    opened: Condvar,
    reached: Notify,
}

#[derive(PartialEq, Eq)]
enum State {
    Open,
    /// So many draws pass; the one after them is held up.
    Closing(usize),
    Holding,
}

impl Gate {
    pub fn new(seed: u64) -> Self {
        Self {
            source: SeededEntropy::new(seed),
            state: Mutex::new(State::Open),
            opened: Condvar::new(),
            reached: Notify::new(),
        }
    }

    /// Holds up whoever draws randomness after so many other draws.
    pub fn close_after(&self, draws: usize) {
        *self.lock() = State::Closing(draws);
    }

    /// Waits until somebody is held up. From then on all others pass.
    pub async fn reached(&self) {
        timeout(PATIENCE, self.reached.notified()).await.unwrap();
    }

    /// Lets go on who is held up.
    pub fn open(&self) {
        *self.lock() = State::Open;
        self.opened.notify_all();
    }

    fn stops_here(&self) -> bool {
        let mut state = self.lock();
        match *state {
            State::Closing(0) => *state = State::Holding,
            State::Closing(draws) => {
                *state = State::Closing(draws - 1);
                return false;
            }
            State::Open | State::Holding => return false,
        }
        true
    }

    fn wait(&self) {
        self.reached.notify_one();
        let held = self.opened.wait_while(self.lock(), |state| *state == State::Holding);
        drop(held.unwrap_or_else(PoisonError::into_inner));
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entropy for Gate {
    fn fill(&self, bytes: &mut [u8]) {
        if self.stops_here() {
            tokio::task::block_in_place(|| self.wait());
        }
        self.source.fill(bytes);
    }
}
