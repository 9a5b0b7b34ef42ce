//! A reading that those share who ask for it at once: each gets one that began after it asked. However many they are, two are
//! waited for at most, and what is read from is asked by one at a time.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Mutex;

/// Who has asked for a reading, and what the last one came to.
pub(super) struct SharedReading<E> {
    asked: AtomicU64,
    last: Mutex<Last<E>>,
}

struct Last<E> {
    /// Whom it is for: the first so many who asked.
    of_first: u64,
    outcome: Result<(), E>,
}

impl<E> Default for SharedReading<E> {
    fn default() -> Self {
        Self { asked: AtomicU64::new(0), last: Mutex::new(Last { of_first: 0, outcome: Ok(()) }) }
    }
}

impl<E: Clone> SharedReading<E> {
    /// Reads, unless somebody else does who began after this was called. Where a reading comes to nothing, it is for those as well
    /// who asked meanwhile: what does not answer is not waited for again and again.
    pub(super) async fn read<F>(&self, reading: impl FnOnce() -> F) -> Result<(), E>
    where
        F: Future<Output = Result<(), E>>,
    {
        let place = self.asked.fetch_add(1, Ordering::SeqCst) + 1;
        let mut last = self.last.lock().await;
        if last.of_first >= place {
            return last.outcome.clone();
        }
        let before = self.asked.load(Ordering::SeqCst);
        let outcome = reading().await;
        let of_first = if outcome.is_ok() { before } else { self.asked.load(Ordering::SeqCst) };
        *last = Last { of_first, outcome: outcome.clone() };
        outcome
    }
}

#[cfg(test)]
mod tests {
    use std::pin::Pin;
    use std::task::{Context, Waker};

    use tokio::sync::Semaphore;

    use super::*;

    type Asking<'a> = Pin<Box<dyn Future<Output = Result<(), &'static str>> + 'a>>;

    /// What is read from, when it may answer, and how often it was asked.
    struct Source {
        shared: SharedReading<&'static str>,
        may_answer: Semaphore,
        readings: AtomicU64,
        answer: Result<(), &'static str>,
    }

    impl Source {
        fn answering(answer: Result<(), &'static str>) -> Self {
            let shared = SharedReading::default();
            Self { shared, may_answer: Semaphore::new(0), readings: AtomicU64::new(0), answer }
        }

        /// Somebody who has asked, and waits.
        fn ask(&self) -> Asking<'_> {
            let mut asking: Asking<'_> = Box::pin(self.shared.read(async || {
                self.readings.fetch_add(1, Ordering::Relaxed);
                self.may_answer.acquire().await.unwrap().forget();
                self.answer
            }));
            assert!(asking.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
            asking
        }

        fn readings(&self) -> u64 {
            self.readings.load(Ordering::Relaxed)
        }
    }

    #[tokio::test]
    async fn those_who_ask_while_something_is_read_share_the_next_reading() {
        let source = Source::answering(Ok(()));
        let first = source.ask();
        let later: Vec<_> = (0..100).map(|_| source.ask()).collect();
        source.may_answer.add_permits(1);
        first.await.unwrap();
        assert_eq!(source.readings(), 1);
        source.may_answer.add_permits(100);
        for asking in later {
            asking.await.unwrap();
        }
        assert_eq!(source.readings(), 2);
    }

    #[tokio::test]
    async fn a_reading_that_comes_to_nothing_is_for_those_as_well_who_asked_meanwhile() {
        let source = Source::answering(Err("gone"));
        let asking: Vec<_> = (0..100).map(|_| source.ask()).collect();
        source.may_answer.add_permits(100);
        for asking in asking {
            assert_eq!(asking.await, Err("gone"));
        }
        assert_eq!(source.readings(), 1);
        source.may_answer.forget_permits(100);
        let later = source.ask();
        source.may_answer.add_permits(1);
        assert_eq!(later.await, Err("gone"));
        assert_eq!(source.readings(), 2);
    }

    #[tokio::test]
    async fn where_the_one_who_reads_goes_away_the_next_reads() {
        let source = Source::answering(Ok(()));
        let first = source.ask();
        let second = source.ask();
        drop(first);
        source.may_answer.add_permits(1);
        second.await.unwrap();
        assert_eq!(source.readings(), 2);
    }
}
