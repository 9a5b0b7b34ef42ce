use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::task::{Context, Poll, Waker};

use super::*;

pub(super) const STANDARD: Effort = effort(64);
pub(super) const HOUR: Duration = Duration::from_secs(3600);

pub(super) const fn effort(blocks: usize) -> Effort {
    Effort { blocks, passes: 1 }
}

pub(super) fn pool(cores: usize, budget_kib: usize, first_estimate: Duration) -> HashPool {
    with_clock(cores, budget_kib, first_estimate, monotonic_now)
}

pub(super) fn with_clock(
    cores: usize,
    budget_kib: usize,
    first_estimate: Duration,
    now: fn() -> Instant,
) -> HashPool {
    let standard = STANDARD;
    HashPool::start(PoolConfig { budget_kib, standard, cores, first_estimate, now }).unwrap()
}

/// Whether a future is ready, asked once.
pub(super) fn poll<F: Future>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// A job that says it has started and then stays until `gate` is dropped.
pub(super) fn blocker() -> (impl FnOnce(&mut Arena), mpsc::Receiver<()>, mpsc::Sender<()>) {
    let (started, has_started) = mpsc::channel();
    let (gate, opened) = mpsc::channel::<()>();
    let job = move |arena: &mut Arena| {
        arena.blocks();
        started.send(()).unwrap();
        let _ = opened.recv();
    };
    (job, has_started, gate)
}

pub(super) fn wait_for(pool: &HashPool, condition: impl Fn(PoolUsage) -> bool) {
    while !condition(pool.usage()) {
        std::thread::yield_now();
    }
}

#[test]
fn there_are_as_many_threads_as_cores_or_as_arenas_in_the_budget() {
    for (cores, budget, threads) in [(2, 1000, 2), (8, 200, 3), (8, 10, 1), (0, 1000, 1)] {
        assert_eq!(pool(cores, budget, Duration::ZERO).threads.len(), threads);
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn jobs_run_at_a_lower_priority_than_their_callers() {
    let own = rustix::process::getpriority_process(None).unwrap();
    let pool = pool(1, 64, Duration::ZERO);
    let theirs =
        pool.run(STANDARD, None, |_| rustix::process::getpriority_process(None).unwrap()).await.unwrap();
    assert_eq!(theirs, (own + NICENESS).min(19));
    assert_eq!(rustix::process::getpriority_process(None).unwrap(), own);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_hundred_mixed_jobs_never_exceed_the_budget() {
    const BUDGET: usize = 256;
    static IN_USE: AtomicUsize = AtomicUsize::new(0);
    let pool = Arc::new(pool(8, BUDGET, Duration::from_nanos(1)));
    let mut calls = tokio::task::JoinSet::new();
    for number in 0..200 {
        let pool = Arc::clone(&pool);
        calls.spawn(async move {
            let blocks = [64, 8, 128, 64, 200, 256, 65, 64][number % 8];
            pool.run(effort(blocks), None, move |arena| {
                let in_use = IN_USE.fetch_add(arena.len(), Ordering::SeqCst) + arena.len();
                assert!(arena.blocks().len() >= blocks);
                arena.blocks()[blocks - 1].as_mut()[0] = 1;
                std::thread::yield_now();
                IN_USE.fetch_sub(arena.len(), Ordering::SeqCst);
                in_use
            })
            .await
        });
    }
    while let Some(in_use) = calls.join_next().await {
        assert!(in_use.unwrap().unwrap() <= BUDGET);
    }
    wait_for(&pool, |usage| usage.running == 0);
    let usage = pool.usage();
    assert!(usage.peak_kib <= BUDGET && usage.allocated_kib <= BUDGET, "{usage:?}");
    assert_eq!(usage.effort, 25 * (64 * 3 + 8 + 128 + 200 + 256 + 65));
}

#[tokio::test]
async fn what_needs_more_than_the_budget_is_refused_at_once() {
    let pool = pool(1, 256, Duration::ZERO);
    let result = pool.run(effort(257), None, |_| unreachable!()).await;
    assert_eq!(result, Err::<(), _>(PoolError::TooLarge));
    assert_eq!(pool.usage().peak_kib, 0);
}

#[tokio::test]
async fn a_large_job_at_the_head_is_not_overtaken() {
    let pool = pool(2, 128, Duration::ZERO);
    let (job, started, gate) = blocker();
    let order = Arc::new(Mutex::new(Vec::new()));
    let note = |name: &'static str| {
        let order = Arc::clone(&order);
        move |_: &mut Arena| order.lock().unwrap().push(name)
    };
    let first = pool.run(STANDARD, None, job);
    let large = pool.run(effort(128), None, note("large"));
    let small = pool.run(STANDARD, None, note("small"));
    let release = async {
        started.recv().unwrap();
        // One thread and one arena are free, and the large job needs both arenas: nothing may start.
        assert_eq!((pool.usage().queued, pool.usage().running), (2, 1));
        drop(gate);
    };
    let (first, large, small, ()) = tokio::join!(first, large, small, release);
    assert_eq!((first, large, small), (Ok(()), Ok(()), Ok(())));
    assert_eq!(*order.lock().unwrap(), ["large", "small"]);
    assert_eq!(pool.usage().peak_kib, 128);
}

#[test]
fn each_waiting_job_adds_its_own_cost_to_the_estimate() {
    let pool = pool(1, 64, Duration::from_secs(1));
    let (job, started, _gate) = blocker();
    let mut running = pin!(pool.run(STANDARD, None, job));
    assert!(poll(running.as_mut()).is_pending());
    started.recv().unwrap();
    let mut waiting: Vec<_> = (0..8).map(|_| Box::pin(pool.run(STANDARD, None, |_| ()))).collect();
    let admitted = waiting.iter_mut().map(|call| poll(call.as_mut())).filter(Poll::is_pending);
    // At most one second is left of the running one, so the fifth or sixth waiting one would start after five.
    assert!((5..=6).contains(&admitted.count()));
}

#[test]
fn a_caller_who_leaves_frees_its_place() {
    let pool = pool(1, 64, Duration::ZERO);
    let (job, started, gate) = blocker();
    let mut running = pin!(pool.run(STANDARD, None, job));
    assert!(poll(running.as_mut()).is_pending());
    started.recv().unwrap();
    let held = Arc::new(());
    let inside = Arc::clone(&held);
    {
        let mut waiting = pin!(pool.run(STANDARD, None, move |_| drop(inside)));
        assert!(poll(waiting.as_mut()).is_pending());
        assert_eq!(pool.usage().queued, 1);
    }
    assert_eq!(pool.usage().queued, 0);
    assert_eq!(Arc::strong_count(&held), 1, "what the job held is dropped with it");
    drop(gate);
}

#[tokio::test]
async fn a_panic_costs_one_caller_one_answer() {
    let pool = pool(1, 64, Duration::ZERO);
    let outcome = pool.run(STANDARD, None, |arena| {
        arena.blocks();
        panic!("on purpose")
    });
    assert_eq!(outcome.await, Err::<(), _>(PoolError::Failed));
    assert_eq!(pool.run(STANDARD, None, |_| 7).await, Ok(7), "the thread lives");
    wait_for(&pool, |usage| usage.running == 0);
    assert_eq!(pool.usage().allocated_kib, 64, "its memory came back");
}

#[tokio::test]
async fn dropping_the_pool_waits_for_its_threads() {
    let pool = pool(4, 256, Duration::ZERO);
    let shared = Arc::downgrade(&pool.shared);
    let (job, started, gate) = blocker();
    {
        let mut running = pin!(pool.run(STANDARD, None, job));
        assert!(poll(running.as_mut()).is_pending());
        started.recv().unwrap();
    }
    drop(gate);
    drop(pool);
    assert_eq!(shared.strong_count(), 0);
}

#[tokio::test]
async fn an_arena_is_wiped_once_nobody_waits() {
    let pool = pool(1, 64, Duration::ZERO);
    let hash = |arena: &mut Arena| arena.blocks()[63].as_mut().fill(0xdead);
    pool.run(STANDARD, None, hash).await.unwrap();
    wait_for(&pool, |usage| usage.running == 0);
    let left = pool.run(STANDARD, None, |arena| arena.blocks()[63].as_ref()[127]);
    assert_eq!(left.await, Ok(0));
}
