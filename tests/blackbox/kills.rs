//! `kill -9`: nothing acknowledged is lost, and the next start always works.

use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use countersign::pb::auth::v1::IssueTokenRequest;
use rustix::process::Signal;
use tempfile::TempDir;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::harness::{Binary, Client, Credentials, PASSWORD, SeededEntropy, asked, countersign, on_postgres};

const CLIENTS: usize = 4;
const FIRST_STARTS: u64 = 40;

/// How often each of the tests kills the service unless somebody asks for more: a tenth of a full run.
const KILLS_ON_SQLITE: usize = 50;
const KILLS_ON_POSTGRES: usize = 10;

/// How often it does, by COUNTERSIGN_TEST_KILLS if that is set.
pub fn kills() -> usize {
    let tenth = if on_postgres() { KILLS_ON_POSTGRES } else { KILLS_ON_SQLITE };
    asked("COUNTERSIGN_TEST_KILLS").map_or(tenth, |kills| usize::try_from(kills).unwrap())
}

/// What the service has acknowledged: a user by name, and one of its tokens.
type Acknowledged = Vec<(String, Option<String>)>;

/// Counts acknowledgements, and says when there are enough for the kill.
struct Trigger {
    left: AtomicUsize,
    reached: Notify,
}

impl Trigger {
    fn acknowledge(&self) {
        if self.left.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.reached.notify_one();
        }
    }
}

/// Creates users and issues tokens until the service is gone, and remembers what it said yes to.
async fn work(client: Client, prefix: String, trigger: Arc<Trigger>, gone: Arc<AtomicBool>) -> Acknowledged {
    let mut acknowledged = Acknowledged::new();
    for n in 0.. {
        let name = format!("{prefix}-{n}");
        let Ok(_) = client.try_create_user(&name, PASSWORD).await else { break };
        acknowledged.push((name.clone(), None));
        trigger.acknowledge();
        let Ok(issued) = client.try_issue(Credentials::Basic(&name, PASSWORD)).await else { break };
        acknowledged.last_mut().unwrap().1 = Some(issued);
        trigger.acknowledge();
        if gone.load(Ordering::SeqCst) {
            break;
        }
    }
    acknowledged
}

async fn round(number: usize, folder: TempDir, entropy: &SeededEntropy) -> (TempDir, Acknowledged) {
    let server = Binary::start_in(folder, &[]);
    let kill_after = 1 + usize::try_from(entropy.next() % 24).unwrap();
    let trigger = Arc::new(Trigger { left: AtomicUsize::new(kill_after), reached: Notify::new() });
    let gone = Arc::new(AtomicBool::new(false));
    let mut workers = JoinSet::new();
    for worker in 0..CLIENTS {
        let prefix = format!("r{number}w{worker}");
        workers.spawn(work(server.client().await, prefix, Arc::clone(&trigger), Arc::clone(&gone)));
    }
    trigger.reached.notified().await;
    server.signal(Signal::KILL);
    gone.store(true, Ordering::SeqCst);
    let acknowledged = workers.join_all().await.into_iter().flatten().collect();
    let (_, _, folder) = server.wait();
    (folder, acknowledged)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_lose_nothing_that_was_acknowledged() {
    let entropy = SeededEntropy::new(11);
    let rounds = kills();
    let mut folder = TempDir::new().unwrap();
    let mut acknowledged = Acknowledged::new();
    for number in 0..rounds {
        let (returned, more) = round(number, folder, &entropy).await;
        folder = returned;
        acknowledged.extend(more);
    }
    let tokens = acknowledged.iter().filter(|(_, token)| token.is_some()).count();
    assert!(
        acknowledged.len() >= rounds && tokens >= rounds,
        "{} users, {tokens} tokens",
        acknowledged.len()
    );

    let server = Binary::start_in(folder, &[]);
    let client = server.client().await;
    for (name, token) in &acknowledged {
        client.greet(Credentials::Basic(name, PASSWORD)).await.unwrap();
        if let Some(token) = token {
            // A renewal reads the session: it was committed before the token was handed out.
            client.issue(Credentials::Bearer(token), IssueTokenRequest::default()).await.unwrap();
        }
    }
    server.stop();
}

#[test]
fn a_first_start_survives_a_kill_at_any_moment() {
    // How long a whole first start takes here, so that the kills fall into it wherever this runs.
    #[expect(clippy::disallowed_methods, reason = "the kills have to be spread over a start's real time")]
    let began = Instant::now();
    Binary::start(&[]).stop();
    let whole = began.elapsed();

    for moment in 0..FIRST_STARTS {
        let folder = TempDir::new().unwrap();
        let mut child = countersign(folder.path())
            .args(["--listen", "127.0.0.1:0", "--argon2-memory-kib", "64", "--argon2-passes", "1"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let until = Duration::from_nanos(u64::try_from(whole.as_nanos()).unwrap() * moment / FIRST_STARTS);
        #[expect(
            clippy::disallowed_methods,
            reason = "nothing is waited for: the kill is to come at any moment"
        )]
        std::thread::sleep(until);
        child.kill().unwrap();
        child.wait().unwrap();

        let server = Binary::start_in(folder, &[]);
        let made = server.run(
            &["user", "create", "--username", "alice", "--argon2-memory-kib", "64", "--argon2-passes", "1"],
            PASSWORD,
        );
        assert!(made.status.success(), "{moment}: {made:?}");
        let (status, log, folder) = server.stop();
        assert!(status.success(), "{moment}: {log}");
        let left: Vec<_> =
            std::fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        let known = ["countersign.db", "countersign.key"];
        let drafts = left.iter().filter(|name| !known.iter().any(|known| *name == *known)).count();
        assert!(drafts <= 1, "{moment}: {left:?}");
    }
}
