use std::pin::pin;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;

use super::tests::{HOUR, STANDARD, blocker, effort, poll, pool, wait_for, with_clock};
use super::*;

fn is_busy<T>(result: &Poll<Result<T, PoolError>>) -> bool {
    matches!(result, Poll::Ready(Err(PoolError::Busy { .. })))
}

#[test]
fn a_queue_that_cannot_meet_five_seconds_refuses_before_allocating() {
    let pool = pool(1, 256, HOUR);
    let (job, started, _gate) = blocker();
    let mut running = pin!(pool.run(STANDARD, None, job));
    assert!(poll(running.as_mut()).is_pending(), "an idle pool takes it, however long it runs");
    started.recv().unwrap();
    let refused = poll(pin!(pool.run(STANDARD, None, |_| ())));
    let Poll::Ready(Err(PoolError::Busy { retry_after })) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(retry_after, Duration::from_secs(60), "an hour, capped");
    assert_eq!((pool.usage().queued, pool.usage().peak_kib), (0, 64));
}

#[test]
fn a_deadline_nearer_than_the_estimate_is_refused_at_once() {
    let pool = pool(1, 64, Duration::from_secs(10));
    let at = |seconds| Some(monotonic_now() + Duration::from_secs(seconds));
    assert!(is_busy(&poll(pin!(pool.run(STANDARD, at(9), |_| ())))));
    assert!(is_busy(&poll(pin!(pool.run(STANDARD, Some(monotonic_now()), |_| ())))));
    assert!(!is_busy(&poll(pin!(pool.run(STANDARD, at(60), |_| ())))));
}

#[test]
fn an_idle_thread_takes_what_has_its_memory_however_long_the_others_run() {
    let pool = pool(2, 128, HOUR);
    let (job, started, _gate) = blocker();
    let mut running = pin!(pool.run(STANDARD, None, job));
    assert!(poll(running.as_mut()).is_pending());
    started.recv().unwrap();
    assert!(is_busy(&poll(pin!(pool.run(effort(128), None, |_| ())))));
    assert!(!is_busy(&poll(pin!(pool.run(STANDARD, None, |_| ())))));
}

#[test]
fn a_job_whose_time_has_passed_when_its_turn_comes_is_refused() {
    static LATER: AtomicU64 = AtomicU64::new(0);
    static START: OnceLock<Instant> = OnceLock::new();
    fn clock() -> Instant {
        *START.get_or_init(monotonic_now) + Duration::from_secs(LATER.load(Ordering::SeqCst))
    }
    // One job must be done within three seconds; the other names an hour, and waits five seconds.
    for (turn, expected) in [(2, [true, true]), (4, [false, true]), (6, [false, false])] {
        LATER.store(0, Ordering::SeqCst);
        let pool = with_clock(1, 64, Duration::from_secs(1), clock);
        let (job, started, gate) = blocker();
        let mut running = pin!(pool.run(STANDARD, None, job));
        assert!(poll(running.as_mut()).is_pending());
        started.recv().unwrap();
        let mut short = pin!(pool.run(STANDARD, Some(clock() + Duration::from_secs(3)), |_| ()));
        let mut patient = pin!(pool.run(STANDARD, Some(clock() + HOUR), |_| ()));
        assert!(poll(short.as_mut()).is_pending() && poll(patient.as_mut()).is_pending());
        LATER.store(turn, Ordering::SeqCst);
        drop(gate);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let outcomes = [runtime.block_on(short), runtime.block_on(patient)];
        assert_eq!(outcomes.map(|outcome| outcome.is_ok()), expected, "after {turn} s: {outcomes:?}");
        let busy = outcomes.iter().filter_map(|outcome| outcome.err());
        assert!(busy.into_iter().all(|error| matches!(error, PoolError::Busy { .. })));
    }
}

#[tokio::test]
async fn the_estimate_follows_what_is_measured_and_ignores_what_did_not_hash() {
    static SECONDS: AtomicU64 = AtomicU64::new(0);
    static START: OnceLock<Instant> = OnceLock::new();
    fn clock() -> Instant {
        *START.get_or_init(monotonic_now) + Duration::from_secs(SECONDS.load(Ordering::SeqCst))
    }
    let pool = with_clock(1, 64, Duration::from_secs(1), clock);
    let at = |seconds| Some(clock() + Duration::from_secs(seconds));
    for _ in 0..50 {
        pool.run(STANDARD, None, |_| ()).await.unwrap();
        wait_for(&pool, |usage| usage.running == 0);
    }
    let half = Some(clock() + Duration::from_millis(500));
    assert!(is_busy(&poll(pin!(pool.run(STANDARD, half, |_| ())))), "still a second");
    for _ in 0..50 {
        let hash = |arena: &mut Arena| {
            arena.blocks();
            SECONDS.fetch_add(4, Ordering::SeqCst);
        };
        pool.run(STANDARD, None, hash).await.unwrap();
        wait_for(&pool, |usage| usage.running == 0);
    }
    assert!(is_busy(&poll(pin!(pool.run(STANDARD, at(3), |_| ())))));
    assert_eq!(pool.run(STANDARD, at(5), |_| ()).await, Ok(()));
}
