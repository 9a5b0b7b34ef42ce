//! What runs beside the calls: asking the database whether it answers, and forgetting idle peers. The tasks end when
//! their owner is dropped.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::grpc::Health;
use crate::store::Store;
use crate::transport::PeerLimit;

/// How often the database is asked.
const READINESS_INTERVAL: Duration = Duration::from_secs(1);
/// How long it may take to answer before it counts as out of reach.
const READINESS_PATIENCE: Duration = Duration::from_secs(1);
/// How often idle peers are forgotten.
const FORGET_INTERVAL: Duration = Duration::from_secs(10);

/// The running tasks.
pub(super) struct Background(JoinSet<()>);

impl Background {
    pub(super) fn start(store: Store, health: Health, peer_limit: Arc<PeerLimit>) -> Self {
        let mut tasks = JoinSet::new();
        tasks.spawn(report_readiness(store, health));
        tasks.spawn(forget_idle_peers(peer_limit));
        Self(tasks)
    }

    /// Ends the tasks, so that nothing speaks for a server that is going away.
    pub(super) async fn stop(mut self) {
        self.0.shutdown().await;
    }
}

async fn report_readiness(store: Store, health: Health) {
    let mut ticks = interval(READINESS_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut ready = None;
    loop {
        ticks.tick().await;
        let answers = matches!(timeout(READINESS_PATIENCE, store.ping()).await, Ok(Ok(())));
        if ready == Some(answers) {
            continue;
        }
        match (ready, answers) {
            (Some(true), false) => tracing::error!("the database does not answer: not ready"),
            (Some(false), true) => tracing::info!("the database answers again: ready"),
            _ => {}
        }
        ready = Some(answers);
        health.set_ready(answers).await;
    }
}

async fn forget_idle_peers(peer_limit: Arc<PeerLimit>) {
    let mut ticks = interval(FORGET_INTERVAL);
    loop {
        ticks.tick().await;
        peer_limit.forget_idle();
    }
}
