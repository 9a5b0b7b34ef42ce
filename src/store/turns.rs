//! Who may write when: as many at once as there are connections to write on, first come, first served, and somebody alone.

use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use sea_orm::{ConnAcquireErr, DbErr};
use tokio::sync::{
    OwnedRwLockReadGuard, OwnedRwLockWriteGuard, OwnedSemaphorePermit, RwLock, Semaphore, watch,
};
use tokio::time::timeout;

use super::config::ACQUIRE_TIMEOUT;

/// How often within [`ACQUIRE_TIMEOUT`] whoever waits for its turn looks whether the queue moves.
const LOOKS: u32 = 4;

/// The queue of those that write.
pub(super) struct Turns {
    at_once: u32,
    /// One permit for each connection that writes, of those that were opened last.
    connections: watch::Sender<Arc<Semaphore>>,
    /// The permits of those that were opened before, as long as somebody has one.
    before: Mutex<Vec<Arc<Semaphore>>>,
    /// Everybody who writes, on whatever connection, shares it with the others or has it alone.
    everybody: Arc<RwLock<()>>,
    /// How many writes have succeeded: whether the queue moves.
    written: AtomicU64,
}

/// The right to write, until it is dropped.
pub(super) enum Turn {
    /// Others do so at the same time.
    Shared { _connection: OwnedSemaphorePermit, _everybody: OwnedRwLockReadGuard<()> },
    /// Nobody else does.
    Alone { _connections: OwnedSemaphorePermit, _everybody: OwnedRwLockWriteGuard<()> },
}

impl Turns {
    pub(super) fn new(at_once: u32) -> Self {
        Self {
            at_once,
            connections: watch::Sender::new(Arc::new(permits(at_once))),
            before: Mutex::default(),
            everybody: Arc::default(),
            written: AtomicU64::new(0),
        }
    }

    /// Waits for a turn.
    pub(super) async fn one(&self) -> Result<Turn, DbErr> {
        let mut connections = self.connections.subscribe();
        self.patiently(async {
            loop {
                let those_of_now = Arc::clone(&connections.borrow_and_update());
                tokio::select! {
                    biased;
                    turn = self.share(those_of_now) => return turn,
                    // Who has a turn may be waiting for a machine that is gone, and others need not wait for that.
                    Ok(()) = connections.changed() => {}
                }
            }
        })
        .await
    }

    async fn share(&self, connections: Arc<Semaphore>) -> Result<Turn, DbErr> {
        let connection = connections.acquire_owned().await.map_err(|_closed| closed())?;
        let everybody = Arc::clone(&self.everybody).read_owned().await;
        Ok(Turn::Shared { _connection: connection, _everybody: everybody })
    }

    /// Waits until nobody else writes, and keeps others from it.
    pub(super) async fn alone(&self) -> Result<Turn, DbErr> {
        self.patiently(self.everybodys()).await
    }

    /// The same, however long that takes: until those have written who came before. Who waits for those that are stuck on
    /// connections of before keeps nobody from writing meanwhile.
    pub(super) async fn everybodys(&self) -> Result<Turn, DbErr> {
        let before = self.before().clone();
        for connections in before {
            let _over = connections.acquire_many(self.at_once).await.map_err(|_closed| closed())?;
        }
        let those_of_now = Arc::clone(&self.connections.borrow());
        let connections = those_of_now.acquire_many_owned(self.at_once).await.map_err(|_closed| closed())?;
        let everybody = Arc::clone(&self.everybody).write_owned().await;
        Ok(Turn::Alone { _connections: connections, _everybody: everybody })
    }

    /// There are new connections. Who has its turn on one of before keeps it, and it counts for nothing in the queue any more.
    pub(super) fn renew(&self) {
        self.connections.send_if_modified(|connections| {
            if connections.is_closed() {
                return false;
            }
            let old = std::mem::replace(connections, Arc::new(permits(self.at_once)));
            let mut before = self.before();
            before.push(old);
            before.retain(|old| old.available_permits() < self.at_once as usize);
            true
        });
    }

    fn before(&self) -> std::sync::MutexGuard<'_, Vec<Arc<Semaphore>>> {
        self.before.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that a write has succeeded.
    pub(super) fn moved(&self) {
        self.written.fetch_add(1, Ordering::Relaxed);
    }

    /// Nobody gets a turn any more.
    pub(super) fn close(&self) {
        self.connections.borrow().close();
    }

    pub(super) fn is_closed(&self) -> bool {
        self.connections.borrow().is_closed()
    }

    /// A queue that moves is waited for as long as the caller likes: a slow disk is not one that is out of reach. One that has
    /// not moved for a second is given up.
    async fn patiently(&self, turn: impl Future<Output = Result<Turn, DbErr>>) -> Result<Turn, DbErr> {
        let mut turn = pin!(turn);
        let mut written = self.written.load(Ordering::Relaxed);
        let mut looks = 0;
        loop {
            if let Ok(turn) = timeout(ACQUIRE_TIMEOUT / LOOKS, turn.as_mut()).await {
                return turn;
            }
            let now = self.written.load(Ordering::Relaxed);
            looks = if now == written { looks + 1 } else { 0 };
            if looks == LOOKS {
                return Err(DbErr::ConnectionAcquire(ConnAcquireErr::Timeout));
            }
            written = now;
        }
    }
}

fn permits(at_once: u32) -> Semaphore {
    Semaphore::new(at_once as usize)
}

fn closed() -> DbErr {
    DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed)
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn as_many_write_at_once_as_there_are_connections() {
        let turns = Turns::new(2);
        let first = turns.one().await.unwrap();
        let _second = turns.one().await.unwrap();
        let mut third = pin!(turns.one());
        assert!(third.as_mut().now_or_never().is_none());
        drop(first);
        third.await.unwrap();
    }

    #[tokio::test]
    async fn nobody_waits_for_those_that_write_on_connections_of_before() {
        let turns = Turns::new(1);
        let stuck = turns.one().await.unwrap();
        let mut waiting = pin!(turns.one());
        assert!(waiting.as_mut().now_or_never().is_none());
        turns.renew();
        let turn = waiting.now_or_never().expect("it still waits").unwrap();
        assert!(turns.one().now_or_never().is_none(), "there is one connection of each kind");
        drop(stuck);
        assert!(turns.one().now_or_never().is_none(), "what ends on an old connection makes no room");
        drop(turn);
        turns.one().await.unwrap();
    }

    #[tokio::test]
    async fn who_writes_alone_waits_for_everybody_and_everybody_for_it() {
        let turns = Turns::new(2);
        let old = turns.one().await.unwrap();
        turns.renew();
        let new = turns.one().await.unwrap();
        let mut alone = pin!(turns.alone());
        drop(new);
        assert!(alone.as_mut().now_or_never().is_none(), "somebody still writes on an old connection");
        drop(old);
        let alone = alone.await.unwrap();
        let mut next = pin!(turns.one());
        assert!(next.as_mut().now_or_never().is_none());
        drop(alone);
        next.await.unwrap();
    }

    #[tokio::test]
    async fn who_waits_to_write_alone_keeps_nobody_waiting_for_those_that_are_stuck() {
        let turns = Turns::new(1);
        let stuck = turns.one().await.unwrap();
        turns.renew();
        let mut alone = pin!(turns.alone());
        assert!(alone.as_mut().now_or_never().is_none());
        drop(turns.one().now_or_never().expect("it waits for what is stuck").unwrap());
        drop(stuck);
        alone.await.unwrap();
    }

    #[tokio::test]
    async fn the_end_comes_after_those_that_were_in_the_queue() {
        let turns = Turns::new(1);
        let first = turns.one().await.unwrap();
        let mut queued = pin!(turns.one());
        assert!(queued.as_mut().now_or_never().is_none());
        let mut end = pin!(turns.everybodys());
        assert!(end.as_mut().now_or_never().is_none());
        drop(first);
        assert!(end.as_mut().now_or_never().is_none());
        drop(queued.await.unwrap());
        end.await.unwrap();
    }

    #[tokio::test]
    async fn after_the_end_there_is_no_turn_on_new_connections_either() {
        let turns = Turns::new(1);
        let last = turns.everybodys().await.unwrap();
        let mut late = pin!(turns.one());
        assert!(late.as_mut().now_or_never().is_none());
        turns.close();
        drop(last);
        turns.renew();
        assert!(turns.is_closed());
        assert!(late.await.is_err() && turns.one().await.is_err() && turns.alone().await.is_err());
    }
}
