//! The notes, in memory.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::broadcast;

use crate::pb::Note;

/// How many notes a watcher may be behind before it misses some.
const BACKLOG: usize = 16;

/// Notes; a cheap clone of the same board.
#[derive(Clone)]
pub struct Board {
    notes: Arc<Mutex<Vec<Note>>>,
    added: broadcast::Sender<Note>,
}

impl Board {
    /// An empty board.
    #[must_use]
    pub fn new() -> Self {
        Self { notes: Arc::default(), added: broadcast::Sender::new(BACKLOG) }
    }

    /// All notes, the oldest first.
    #[must_use]
    pub fn notes(&self) -> Vec<Note> {
        self.lock().clone()
    }

    /// Adds one.
    pub fn add(&self, author: &str, text: String) {
        let note = Note { text, author: author.to_owned() };
        self.lock().push(note.clone());
        // Nobody watches: nobody is told.
        let _ = self.added.send(note);
    }

    /// Removes all.
    pub fn clear(&self) {
        self.lock().clear();
    }

    /// Tells each note that is added from now on.
    #[must_use]
    pub fn watch(&self) -> broadcast::Receiver<Note> {
        self.added.subscribe()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Note>> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Board {
    fn default() -> Self {
        Self::new()
    }
}
