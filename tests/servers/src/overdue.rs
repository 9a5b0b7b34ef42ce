//! A test that never ends is a failure that names itself: else the run would stand still until somebody kills it, and say
//! nothing.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::{Mutex, Once};
use std::time::{Duration, Instant};
use std::{env, fs, process, thread};

/// How long a test may take: several times what the longest one needs on two busy cores.
const LIMIT: Duration = Duration::from_mins(8);
/// How often that is looked at.
const PERIOD: Duration = Duration::from_secs(5);

/// The tests that run, by name, and since when.
static RUNNING: Mutex<BTreeMap<String, Instant>> = Mutex::new(BTreeMap::new());

thread_local! {
    static WATCHED: OnceCell<Watched> = const { OnceCell::new() };
}

/// A test's name in the list until its thread ends.
struct Watched(String);

impl Drop for Watched {
    fn drop(&mut self) {
        RUNNING.lock().expect("no holder panics").remove(&self.0);
    }
}

/// Ends the whole run, with a word about it, if the test of this thread takes too long. Runs whose length somebody chose
/// (`COUNTERSIGN_TEST_SECONDS`, `COUNTERSIGN_TEST_KILLS`) take as long as they take.
#[expect(
    clippy::disallowed_methods,
    reason = "the environment of a test run is its command line; a limit needs a clock"
)]
pub fn watch_this_test() {
    static WATCHING: Once = Once::new();
    let thread = thread::current();
    // A test's thread has its path for a name; threads of its runtime and of its helpers end with it.
    let Some(name) = thread.name().filter(|name| name.contains("::")) else { return };
    if ["COUNTERSIGN_TEST_SECONDS", "COUNTERSIGN_TEST_KILLS"].iter().any(|name| env::var_os(name).is_some()) {
        return;
    }
    WATCHED.with(|watched| {
        watched.get_or_init(|| {
            RUNNING.lock().expect("no holder panics").insert(name.to_owned(), Instant::now());
            Watched(name.to_owned())
        });
    });
    WATCHING.call_once(|| drop(thread::spawn(watch)));
}

#[expect(
    clippy::disallowed_methods,
    reason = "nothing tells that nothing happens; and the tests that hang cannot return"
)]
fn watch() {
    loop {
        thread::sleep(PERIOD);
        let overdue: Vec<_> = {
            let running = RUNNING.lock().expect("no holder panics");
            running
                .iter()
                .filter(|(_, since)| since.elapsed() > LIMIT)
                .map(|(name, _)| name.clone())
                .collect()
        };
        if !overdue.is_empty() {
            let mut said = format!("hung: {}\n", overdue.join(", "));
            said.push_str(&children());
            // Past the capture of a test's output, which nobody will show.
            let _said = std::io::stderr().write_all(said.as_bytes());
            process::exit(101);
        }
    }
}

/// The processes that the tests started and that still run, for one of them may be what is waited for.
fn children() -> String {
    let mut said = String::new();
    let threads = fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    for thread in threads {
        let children = fs::read_to_string(thread.path().join("children")).unwrap_or_default();
        for child in children.split_whitespace() {
            let words = fs::read_to_string(format!("/proc/{child}/cmdline")).unwrap_or_default();
            let _written = writeln!(said, "hung: process {child}: {}", words.replace('\0', " "));
        }
    }
    said
}
