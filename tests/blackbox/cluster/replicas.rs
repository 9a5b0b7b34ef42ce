//! Three replicas, each with a way of its own to one durable PostgreSQL, and all that can be made to go wrong with them.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use countersign_test_servers::{Postgres, Signal as StopSignal};
use futures_util::future::join_all;
use rustix::process::Signal;
use tempfile::TempDir;
use tokio::task::JoinSet;
use tokio::time::interval;
use tonic::transport::{Channel, Endpoint};

use super::history::{Disturbances, Moment, RECOVERED_WITHIN};
use super::tell;
use crate::harness::{Binary, Client, Credentials, PASSWORD, Proxy, shared_master_key};

pub const REPLICAS: usize = 3;
/// The user that asks whether everything is as before.
pub const PROBE: &str = "probe";
/// The user that gives roles.
pub const ADMIN: &str = "root";
/// How much of each log a failure shows.
const LINES_TOLD: usize = 200;
/// Between two questions whether everything is as before.
const BETWEEN_QUESTIONS: Duration = Duration::from_millis(100);

pub struct Replicas {
    database: Mutex<Arc<Postgres>>,
    name: String,
    replicas: Vec<Replica>,
    disturbances: Mutex<Disturbances>,
    started: Instant,
}

struct Replica {
    proxy: Proxy,
    binary: Mutex<Option<Binary>>,
    channel: Mutex<Channel>,
}

impl Replicas {
    /// Nothing where there is no PostgreSQL.
    pub async fn start() -> Option<Self> {
        let database = Postgres::start_with(&["synchronous_commit = on"])?;
        let name = database.create_database().rsplit_once('/').unwrap().1.to_owned();
        let mut replicas = Vec::new();
        for _ in 0..REPLICAS {
            let proxy = Proxy::to(([127, 0, 0, 1], database.port()).into()).await;
            let binary = start(TempDir::new().unwrap(), &proxy, &name);
            let channel = Mutex::new(channel(&binary));
            replicas.push(Replica { proxy, binary: Mutex::new(Some(binary)), channel });
        }
        #[expect(clippy::disallowed_methods, reason = "the history has real times")]
        let started = Instant::now();
        let disturbances = Mutex::default();
        let database = Mutex::new(Arc::new(database));
        let replicas = Self { database, name, replicas, disturbances, started };
        replicas.client(0).create_user(PROBE, PASSWORD).await.unwrap();
        replicas.client(0).create_user(ADMIN, PASSWORD).await.unwrap();
        let promoted = "UPDATE users SET roles = 'admin' WHERE name_shown = 'root'";
        replicas.database().psql(&replicas.name, promoted);
        Some(replicas)
    }

    pub fn now(&self) -> Moment {
        Moment::try_from(self.started.elapsed().as_millis()).unwrap()
    }

    pub fn client(&self, replica: usize) -> Client {
        Client::new(self.channel(replica))
    }

    pub fn channel(&self, replica: usize) -> Channel {
        self.replicas[replica].channel.lock().unwrap().clone()
    }

    pub fn disturbances(&self) -> Disturbances {
        self.disturbances.lock().unwrap().clone()
    }

    fn database(&self) -> Arc<Postgres> {
        Arc::clone(&self.database.lock().unwrap())
    }

    /// Something goes wrong from here on, at one replica or at all.
    pub fn disturb(&self, replica: Option<usize>) {
        self.disturbances.lock().unwrap().begin(replica, self.now());
    }

    /// Nothing is wrong any more: within two seconds every replica reads and writes.
    pub async fn recover(&self, what: &str) {
        let healed = self.now();
        self.disturbances.lock().unwrap().end(healed);
        let recovering = (0..REPLICAS).map(async |replica| {
            self.until_it_works(replica).await;
            self.now() - healed
        });
        let passed = join_all(recovering).await;
        if passed.iter().any(|passed| *passed > RECOVERED_WITHIN) {
            self.give_up(&format!("{what}: the replicas work after {passed:?} ms"));
        }
        tell(format_args!("{:>7} {what}: the replicas work after {passed:?} ms", self.now()));
    }

    /// Ends the test, and tells what the replicas have logged.
    pub fn give_up(&self, wrong: &str) -> ! {
        for (number, replica) in self.replicas.iter().enumerate() {
            let Some(binary) = replica.binary.lock().unwrap().take() else { continue };
            binary.signal(Signal::KILL);
            let (_, log, _) = binary.wait();
            let lines: Vec<_> = log.lines().collect();
            let last = &lines[lines.len().saturating_sub(LINES_TOLD)..];
            tell(format_args!("replica {number} logged at last:\n{}", last.join("\n")));
        }
        panic!("{wrong}");
    }

    /// Asks again and again, whatever becomes of the questions before.
    async fn until_it_works(&self, replica: usize) {
        let mut questions = JoinSet::new();
        let mut pace = interval(BETWEEN_QUESTIONS);
        loop {
            tokio::select! {
                _ = pace.tick() => drop(questions.spawn(works(self.client(replica)))),
                Some(Ok(true)) = questions.join_next() => return,
            }
        }
    }

    /// `kill -9`.
    pub fn kill(&self, replica: usize) -> TempDir {
        let binary = self.replicas[replica].binary.lock().unwrap().take().unwrap();
        binary.signal(Signal::KILL);
        binary.wait().2
    }

    pub fn restart(&self, replica: usize, folder: TempDir) {
        let hit = &self.replicas[replica];
        let binary = start(folder, &hit.proxy, &self.name);
        *hit.channel.lock().unwrap() = channel(&binary);
        *hit.binary.lock().unwrap() = Some(binary);
    }

    pub fn freeze(&self, replica: usize) {
        self.signal(replica, Signal::STOP);
    }

    pub fn thaw(&self, replica: usize) {
        self.signal(replica, Signal::CONT);
    }

    fn signal(&self, replica: usize, signal: Signal) {
        self.replicas[replica].binary.lock().unwrap().as_ref().unwrap().signal(signal);
    }

    pub fn cut_off(&self, replica: usize) {
        self.replicas[replica].proxy.cut();
    }

    pub fn lose(&self, replica: usize) {
        self.replicas[replica].proxy.lose_everything();
    }

    pub fn reconnect(&self, replica: usize) {
        self.replicas[replica].proxy.mend(([127, 0, 0, 1], self.database().port()).into());
    }

    pub fn stop_database(&self, signal: StopSignal) {
        self.database().stop(signal);
    }

    pub fn start_database(&self) {
        self.database().start();
    }

    pub fn freeze_database(&self) {
        self.database().freeze();
    }

    pub fn thaw_database(&self) {
        self.database().thaw();
    }

    /// A standby that has whatever is acknowledged from now on.
    pub fn stand_by(&self) -> Postgres {
        let primary = self.database();
        let standby = primary.standby();
        primary.wait_for_standby();
        standby
    }

    /// The primary is gone, and its standby takes its place.
    pub fn fail_over(&self, standby: Postgres, signal: StopSignal) {
        let old = self.database();
        old.stop(signal);
        self.replicas.iter().for_each(|replica| replica.proxy.cut());
        standby.promote();
        *self.database.lock().unwrap() = Arc::new(standby);
        (0..REPLICAS).for_each(|replica| self.reconnect(replica));
    }
}

/// Whether a session is opened and ended.
async fn works(client: Client) -> bool {
    match client.try_issue(Credentials::Basic(PROBE, PASSWORD)).await {
        Ok(token) => client.try_revoke(&token).await.is_ok(),
        Err(_) => false,
    }
}

fn start(folder: TempDir, proxy: &Proxy, database: &str) -> Binary {
    let url = format!("postgres://countersign@{}/{database}", proxy.address);
    let key = shared_master_key().to_str().unwrap();
    let ours = ["--database-url", &url, "--database-connections", "8", "--master-key-file", key];
    let limits = ["--max-sessions-per-user", "0", "--peer-rate", "0"];
    Binary::start_in(folder, &[&ours[..], &limits[..]].concat())
}

fn channel(binary: &Binary) -> Channel {
    Endpoint::from_shared(format!("http://{}", binary.address)).unwrap().connect_lazy()
}
