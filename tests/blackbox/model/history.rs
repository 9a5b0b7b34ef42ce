//! What happened lately, for whoever has to find out why model and server disagree.

use std::collections::{BTreeSet, VecDeque};
use std::fmt::Display;
use std::io::Write;

const KEPT: usize = 40;

/// The last moves of a walk. Prints them when a check fails while it is alive.
pub struct History {
    seed: u64,
    began: i64,
    steps: usize,
    moves: VecDeque<String>,
    /// Which calls were answered how.
    pub outcomes: BTreeSet<(String, String)>,
}

impl History {
    pub fn new(seed: u64, began: i64) -> Self {
        Self { seed, began, steps: 0, moves: VecDeque::new(), outcomes: BTreeSet::new() }
    }

    /// A call that is about to be made.
    pub fn note(&mut self, now: i64, what: impl Display) {
        let since = now - self.began;
        if self.moves.len() == KEPT {
            self.moves.pop_front();
        }
        let (days, seconds) = (since / 86_400_000, since % 86_400_000);
        let at = format!("{days} d {}.{:03} s", seconds / 1000, seconds % 1000);
        self.moves.push_back(format!("#{} at {at}: {what}", self.steps));
        self.steps += 1;
    }

    /// How it was answered.
    pub fn answered(&mut self, outcome: &str) {
        let last = self.moves.back().unwrap();
        let call = last.split(": ").nth(1).and_then(|what| what.split(' ').next()).unwrap().to_owned();
        self.outcomes.insert((call, outcome.to_owned()));
        self.add(outcome);
    }

    /// What more came of it.
    pub fn add(&mut self, outcome: impl Display) {
        if let Some(last) = self.moves.back_mut() {
            last.push_str(&format!(" -> {outcome}"));
        }
    }
}

impl Drop for History {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let moves: String = self.moves.iter().map(|line| format!("  {line}\n")).collect();
            let told = format!(
                "model and server disagree, or the walk broke off, at step {} with COUNTERSIGN_MODEL_SEED={}:\n{moves}",
                self.steps.saturating_sub(1),
                self.seed
            );
            let _nobody_reads = std::io::stderr().write_all(told.as_bytes());
        }
    }
}
