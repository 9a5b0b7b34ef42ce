//! What runs beside the calls: asking the database whether it answers, following the trust log, writing counts down, freeing
//! space, looking at the files of TLS. The tasks end when their owner is dropped, at any moment and without harm.

use std::error::Error as StdError;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Interval, MissedTickBehavior, interval, timeout};

use super::cluster;
use crate::auth::{Authority, Error, Janitor, Policy};
use crate::domain::Clock;
use crate::grpc::Health;
use crate::store::{Changes, Store};
use crate::transport::{PeerLimit, Tls};

/// How often the database is asked.
const READINESS_INTERVAL: Duration = Duration::from_secs(1);
/// How often while it does not answer: who waits for it waits for the next question, too.
const OUTAGE_INTERVAL: Duration = Duration::from_millis(250);
/// How long it may take to answer before it counts as out of reach.
const READINESS_PATIENCE: Duration = Duration::from_secs(1);
/// How often the keys are read: what another process has rotated is known long before it signs.
const RELOAD_INTERVAL: Duration = Duration::from_secs(10);
/// How often verifiers that have gone silent are looked for.
const SWEEP_INTERVAL: Duration = Duration::from_secs(1);
/// How often other replicas are told about the verifiers here, at most.
const SHARE_INTERVAL: Duration = Duration::from_millis(50);
/// For how long a write may go on whose caller was told that nobody knows: it began half a second ago at the latest, is tried for 1.5 s,
/// and beginning, doing and ending it take as long again each.
const FAILED_WRITES_LAST: Duration = Duration::from_secs(6);
/// How often the janitor takes a step: a table of a million rows is passed in 17 minutes.
const CLEAN_INTERVAL: Duration = Duration::from_secs(1);
/// How often sign-in failures are written down: what a kill can lose of them.
const RECORD_INTERVAL: Duration = Duration::from_secs(5);
/// How often the settings in the database are compared with those of this process.
const COMPARE_INTERVAL: Duration = Duration::from_secs(10);
/// By how much a clock may differ from that of the database server before it is said.
const MOST_DIFFERENCE_MILLIS: i64 = 2_000;
/// How often idle peers are forgotten.
const FORGET_INTERVAL: Duration = Duration::from_secs(10);

/// How often the files of TLS are looked at.
const LOOK_INTERVAL: Duration = Duration::from_secs(2);

/// The running tasks.
pub(super) struct Background(JoinSet<()>);

impl Background {
    pub(super) fn start(
        store: Store,
        authority: Authority,
        health: Health,
        peer_limit: Arc<PeerLimit>,
    ) -> Self {
        let mut tasks = JoinSet::new();
        let changes = store.changes();
        tasks.spawn(report_readiness(store.clone(), health.clone()));
        tasks.spawn(report_trust(authority.clone(), health));
        tasks.spawn(follow_trust_log(changes, authority.clone()));
        tasks.spawn(record_sign_in_failures(authority.clone()));
        tasks.spawn(reload_keys(authority.clone()));
        tasks.spawn(sweep_verifiers(authority.clone()));
        if store.is_shared() {
            tasks.spawn(share_leases(authority.clone()));
        }
        tasks.spawn(compare_clocks(store.clone(), authority.clock()));
        tasks.spawn(compare_settings(store, authority.policy().clone()));
        tasks.spawn(clean(Janitor::new(authority)));
        tasks.spawn(forget_idle_peers(peer_limit));

        Self(tasks)
    }

    /// Looks at the files of TLS from now on.
    pub(super) fn watch(&mut self, tls: Tls) {
        self.0.spawn(watch_tls_files(tls));
    }

    /// Ends the tasks, so that nothing speaks for a server that is going away.
    pub(super) async fn stop(mut self) {
        self.0.shutdown().await;
    }
}

async fn report_readiness(store: Store, health: Health) {
    let (mut ticks, mut outage_ticks) = (calm(READINESS_INTERVAL), calm(OUTAGE_INTERVAL));
    let mut ready = None;
    loop {
        let ticks = if ready == Some(false) { &mut outage_ticks } else { &mut ticks };
        tokio::select! {
            _ = ticks.tick() => {}
            () = store.doubted() => {}
        }
        let asked = timeout(READINESS_PATIENCE, store.ping()).await;
        let answers = matches!(asked, Ok(Ok(())));
        if ready == Some(answers) {
            continue;
        }
        match (ready, answers) {
            (Some(true), false) => {
                let cause = match asked {
                    Ok(Err(error)) => error.source().map_or_else(|| error.to_string(), ToString::to_string),
                    _ => "it was waited for long enough".to_owned(),
                };
                tracing::error!(cause, "the database does not answer: not ready");
            }
            (Some(false), true) => tracing::info!("the database answers again: ready"),
            _ => {}
        }
        ready = Some(answers);
        health.set_ready(answers).await;
    }
}

/// Whether tokens are let in, where health checks ask for it.
async fn report_trust(authority: Authority, health: Health) {
    let mut ticks = calm(READINESS_INTERVAL);
    let mut trusted = None;
    loop {
        ticks.tick().await;
        let knows = authority.knows_what_is_revoked();
        if trusted == Some(knows) {
            continue;
        }
        match (trusted, knows) {
            (Some(true), false) => {
                tracing::error!("the log of revocations could not be read for too long: no token is let in");
            }
            (Some(false), true) => tracing::info!("the log of revocations is read again: tokens are let in"),
            _ => {}
        }
        trusted = Some(knows);
        health.set_trusted(knows).await;
    }
}

/// A database that does not answer is what readiness tells; here it is only noted for whoever looks closely.
async fn follow_trust_log(mut changes: Changes, authority: Authority) {
    loop {
        changes.next().await;
        if let Err(error) = authority.follow_trust_log().await {
            tracing::debug!(%error, "the trust log was not read");
        }
    }
}

async fn record_sign_in_failures(authority: Authority) {
    let mut ticks = calm(RECORD_INTERVAL);
    loop {
        ticks.tick().await;
        if let Err(error) = authority.record_sign_in_failures().await {
            tracing::debug!(%error, "sign-in failures are to be written later");
        }
    }
}

async fn reload_keys(authority: Authority) {
    let mut ticks = calm(RELOAD_INTERVAL);
    loop {
        ticks.tick().await;
        match authority.reload_keys().await {
            Ok(()) => {}
            Err(error @ Error::StoreUnavailable(_)) => tracing::debug!(%error, "the keys were not read"),
            // A master key that is missing, for one: in a minute nobody can sign in.
            Err(error) => {
                let cause = error.source().unwrap_or(&error);
                tracing::error!(error = cause, "the keys cannot be used: soon nothing will be signed");
            }
        }
    }
}

/// Says when this process's clock is not that of the database server, to which the other replicas compare theirs.
async fn compare_clocks(store: Store, clock: Arc<dyn Clock>) {
    let mut ticks = calm(COMPARE_INTERVAL);
    let mut told = false;
    loop {
        ticks.tick().await;
        let before = clock.now();
        let Ok(Some(there)) = store.time_of_server().await else { continue };
        // It was asked for at some moment between these two.
        let after = clock.now();
        let ahead = before.as_millis() - there.as_millis();
        let behind = there.as_millis() - after.as_millis();
        let differs = ahead.max(behind) > MOST_DIFFERENCE_MILLIS;
        if differs && !told {
            let millis = if ahead > behind { ahead } else { -behind };
            tracing::error!(
                millis,
                "this clock is not that of the database server: sessions and keys end by both"
            );
        }
        told = differs;
    }
}

/// Replicas that are started again one after the other with other settings: those that still wait for it say so.
async fn compare_settings(store: Store, policy: Policy) {
    let mut ticks = calm(COMPARE_INTERVAL);
    let mut told = Vec::new();
    loop {
        ticks.tick().await;
        let Ok(differing) = cluster::left_behind(&store, &policy).await else { continue };
        if differing != told && !differing.is_empty() {
            let settings = differing.join(", ");
            tracing::warn!(
                settings,
                "another replica has adopted other settings: start this one again with them"
            );
        }
        told = differing;
    }
}

async fn sweep_verifiers(authority: Authority) {
    let mut ticks = calm(SWEEP_INTERVAL);
    loop {
        ticks.tick().await;
        authority.sweep_verifiers();
    }
}

/// What happens meanwhile is told together. Only verifiers that come are waiting for it.
async fn share_leases(authority: Authority) {
    let (mut rests, mut ticks) = (calm(SHARE_INTERVAL), calm(SWEEP_INTERVAL));
    loop {
        let rested_and_changed = async {
            rests.tick().await;
            authority.verifiers_changed().await;
        };
        tokio::select! {
            () = authority.verifiers_joined() => {}
            () = rested_and_changed => {}
            _ = ticks.tick() => {}
        }
        if let Err(error) = authority.share_leases().await {
            tracing::debug!(%error, "other replicas are told later about the verifiers here");
            rest_after_failure().await;
        }
    }
}

/// What was not answered may still be written: what comes next must come after it.
#[expect(clippy::disallowed_methods, reason = "there is nobody who would tell that it has come to nothing")]
async fn rest_after_failure() {
    tokio::time::sleep(FAILED_WRITES_LAST).await;
}

async fn clean(mut janitor: Janitor) {
    let mut ticks = calm(CLEAN_INTERVAL);
    loop {
        ticks.tick().await;
        if let Err(error) = janitor.clean().await {
            tracing::debug!(%error, "no space was freed");
        }
    }
}

/// Ticks that do not catch up: after a pause there is one, and not all that were missed.
fn calm(span: Duration) -> Interval {
    let mut ticks = interval(span);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

async fn forget_idle_peers(peer_limit: Arc<PeerLimit>) {
    let mut ticks = calm(FORGET_INTERVAL);
    loop {
        ticks.tick().await;
        peer_limit.forget_idle();
    }
}

/// A file system that does not answer holds up a thread of its own, and no calls.
async fn watch_tls_files(tls: Tls) {
    let mut ticks = calm(LOOK_INTERVAL);
    loop {
        ticks.tick().await;
        let tls = tls.clone();
        if tokio::task::spawn_blocking(move || tls.look_again()).await.is_err() {
            tracing::error!("looking at the TLS files failed");
        }
    }
}
