//! A service that accepts tokens: a thread that checks them at a steady rate, half of the time the one that matters.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use countersign_client::Verifier;
use tonic::transport::{Channel, Endpoint};

/// Between two checks: 2,000 a second.
const PACE: Duration = Duration::from_micros(500);

/// What all services check.
#[derive(Default)]
pub struct Tokens {
    /// The one that matters; the last of all.
    pub all: Mutex<Vec<String>>,
}

impl Tokens {
    /// Adds the one that matters now. Of those before, the last four are kept: they live for an hour.
    pub fn add(&self, token: String) {
        let mut all = self.all.lock().unwrap();
        all.push(token);
        let outdated = all.len().saturating_sub(5);
        all.drain(..outdated);
    }
}

pub struct Service {
    state: Arc<State>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct State {
    checks: AtomicU64,
    refusals: AtomicU64,
    /// When the token that matters was accepted last, and whether it was refused since.
    accepted: Mutex<Option<Instant>>,
    refused: AtomicBool,
    stop: AtomicBool,
}

impl Service {
    pub fn start(verifier: Verifier, tokens: Arc<Tokens>) -> Self {
        let state = Arc::new(State::default());
        let shared = Arc::clone(&state);
        let thread = std::thread::spawn(move || check(&verifier, &tokens, &shared));
        Self { state, thread: Some(thread) }
    }

    pub fn checks(&self) -> u64 {
        self.state.checks.load(Ordering::Relaxed)
    }

    pub fn refusals(&self) -> u64 {
        self.state.refusals.load(Ordering::Relaxed)
    }

    /// Forgets what it has seen of the token that mattered before.
    pub fn begin(&self) {
        *self.state.accepted.lock().unwrap() = None;
        self.state.refused.store(false, Ordering::SeqCst);
    }

    pub fn has_accepted(&self) -> bool {
        self.state.accepted.lock().unwrap().is_some()
    }

    pub fn has_refused(&self) -> bool {
        self.state.refused.load(Ordering::SeqCst)
    }

    pub fn last_accepted(&self) -> Option<Instant> {
        *self.state.accepted.lock().unwrap()
    }
}

/// A connection for the calls that are not measured.
pub async fn channel(address: &str) -> Channel {
    Endpoint::from_shared(address.to_owned()).unwrap().connect().await.unwrap()
}

fn check(verifier: &Verifier, tokens: &Tokens, state: &State) {
    let mut due = Instant::now();
    for number in 0_usize.. {
        if state.stop.load(Ordering::Relaxed) {
            return;
        }
        let token = {
            let all = tokens.all.lock().unwrap();
            let place = if number.is_multiple_of(2) { all.len() - 1 } else { number / 2 % all.len() };
            (all[place].clone(), place + 1 == all.len())
        };
        let verdict = verifier.verify(&token.0);
        let now = Instant::now();
        state.checks.fetch_add(1, Ordering::Relaxed);
        match verdict {
            Ok(_) if token.1 => *state.accepted.lock().unwrap() = Some(now),
            Ok(_) => {}
            Err(_) => {
                state.refusals.fetch_add(1, Ordering::Relaxed);
                if token.1 {
                    state.refused.store(true, Ordering::SeqCst);
                }
            }
        }
        due += PACE;
        std::thread::sleep(due.saturating_duration_since(now));
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.state.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ended = thread.join();
        }
    }
}
