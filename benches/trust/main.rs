//! Three services that check tokens by themselves, each 2,000 a second, while signing keys take over from one another and
//! while sessions are ended: how many good tokens they refuse (there should be none), and how long after the call that ends
//! a session began any of them accepted its token. Then two replicas on each database: how long what happens at one takes to
//! be felt at the other. `cargo bench --bench trust`; needs Linux, and PostgreSQL and MariaDB for what is about them.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot be set up has nothing to measure")]
#![expect(clippy::print_stdout, reason = "a benchmark is there to print")]
#![expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]
#![expect(unreachable_pub, reason = "a program has no outside; its parts are public to each other")]

mod in_process;
mod replicas;
mod revocations;
mod rotations;
mod service;
mod users;

fn main() {
    // What `cargo test --benches` passes: there is nothing to test here.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        rotations::run().await;
        revocations::run().await;
        replicas::run().await;
    });
}
