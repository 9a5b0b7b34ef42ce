//! What goes wrong, in an order that the seed decides.

use std::time::Duration;

use countersign_test_servers::Signal;
use tokio::time::interval;

use super::replicas::{REPLICAS, Replicas};
use super::tell;
use crate::model::Chance;

/// How long there is peace between two faults, and how long a fault lasts, in milliseconds.
const PEACE: (i64, i64) = (500, 2500);
const TROUBLE: (i64, i64) = (300, 4000);

#[derive(Clone, Copy, Debug)]
enum Fault {
    KillReplica,
    FreezeReplica,
    CutOffReplica,
    LoseReplica,
    RestartDatabase(Signal),
    FreezeDatabase,
    FailOver(Signal),
}

const FAULTS: [Fault; 9] = [
    Fault::KillReplica,
    Fault::FreezeReplica,
    Fault::CutOffReplica,
    Fault::LoseReplica,
    Fault::RestartDatabase(Signal::Fast),
    Fault::RestartDatabase(Signal::Immediate),
    Fault::FreezeDatabase,
    Fault::FailOver(Signal::Fast),
    Fault::FailOver(Signal::Immediate),
];

/// Lets things go wrong until the time is over. Each fault comes once before any comes again.
pub async fn rage(replicas: &Replicas, chance: &Chance, span: Duration) {
    let mut bag: Vec<Fault> = Vec::new();
    while u128::from(replicas.now()) < span.as_millis() {
        if bag.is_empty() {
            bag.extend(FAULTS);
        }
        let fault = bag.swap_remove(chance.below(bag.len()));
        pass(chance.span(PEACE.0, PEACE.1)).await;
        let (replica, lasts) = (chance.below(REPLICAS), chance.span(TROUBLE.0, TROUBLE.1));
        tell(format_args!("{:>7} {fault:?} {replica}, {lasts} ms", replicas.now()));
        strike(replicas, fault, replica, lasts).await;
        replicas.recover(&format!("{fault:?}")).await;
    }
}

async fn strike(replicas: &Replicas, fault: Fault, replica: usize, lasts: i64) {
    // Starting and stopping programs takes its time, which the clients must not wait for.
    use tokio::task::block_in_place;
    match fault {
        Fault::KillReplica => {
            replicas.disturb(Some(replica));
            let folder = block_in_place(|| replicas.kill(replica));
            pass(lasts / 4).await;
            block_in_place(|| replicas.restart(replica, folder));
        }
        Fault::FreezeReplica => {
            replicas.disturb(Some(replica));
            replicas.freeze(replica);
            pass(lasts).await;
            replicas.thaw(replica);
        }
        Fault::CutOffReplica | Fault::LoseReplica => {
            replicas.disturb(Some(replica));
            if matches!(fault, Fault::CutOffReplica) {
                replicas.cut_off(replica);
            } else {
                replicas.lose(replica);
            }
            pass(lasts).await;
            replicas.reconnect(replica);
        }
        Fault::RestartDatabase(signal) => {
            replicas.disturb(None);
            block_in_place(|| replicas.stop_database(signal));
            pass(lasts / 4).await;
            block_in_place(|| replicas.start_database());
        }
        Fault::FreezeDatabase => {
            replicas.disturb(None);
            replicas.freeze_database();
            pass(lasts).await;
            replicas.thaw_database();
        }
        Fault::FailOver(signal) => {
            let standby = block_in_place(|| replicas.stand_by());
            pass(lasts).await;
            replicas.disturb(None);
            block_in_place(|| replicas.fail_over(standby, signal));
        }
    }
}

/// Time passes, in which things are as they are.
async fn pass(millis: i64) {
    let mut ticks = interval(Duration::from_millis(u64::try_from(millis).unwrap().max(1)));
    ticks.tick().await;
    ticks.tick().await;
}
