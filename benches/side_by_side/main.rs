//! The service beside a bare tonic server, under the same load in the same run: server CPU time a call, and calls a
//! second. `cargo bench --bench side_by_side`; needs Linux and nothing that cargo does not bring.
//!
//! Ratios are baseline CPU a call over ours: 1.00 is as cheap as a server that checks nothing. Rounds alternate, so that
//! a machine that changes its speed changes it for both; the median of the rounds' ratios is what counts.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot be set up has nothing to measure")]
#![expect(clippy::print_stdout, reason = "a benchmark is there to print")]
#![expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]
#![expect(unreachable_pub, reason = "a program has no outside; its parts are public to each other")]

mod baseline;
mod load;
mod server;
mod sessions;

use std::time::Duration;

use load::Load;
use server::{Countersign, Measured};

const ROUNDS: usize = 7;
const ROUND: Duration = Duration::from_secs(3);
/// Tokens enough to fall out of the cache before they come round again.
const FRESH_TOKENS: usize = 30_000;
/// More than one question is for.
const USERS: usize = 1_000;
/// Fewer than one user may have sessions.
const SIGN_OUTS: usize = 60;

fn main() {
    let mut arguments = std::env::args().skip(1);
    match arguments.next().as_deref() {
        Some("baseline") => baseline::serve(arguments.next()),
        // What `cargo test --benches` passes: there is nothing to test here.
        Some("--test") => {}
        _ => run(),
    }
}

fn run() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let ours = Countersign::start().await;
        let token = ours.token().await;
        let fresh = ours.tokens(&token, FRESH_TOKENS).await;
        let bare = server::start_baseline(None).await;
        let verifying = server::start_baseline(Some(&ours.public_key())).await;
        println!("{}; {ROUNDS} rounds of {ROUND:?} each; 8 connections x 32 streams", machine());

        let greet = Load::greet(vec![token.clone()]);
        compare("P1 Greet, token seen before / bare tonic", &ours.process, &bare, &greet, &greet).await;
        let unseen = Load::greet(fresh);
        compare(
            "P2 Greet, token never seen / tonic + one Ed25519",
            &ours.process,
            &verifying,
            &unseen,
            &unseen,
        )
        .await;
        let me = Load::get_user(&token, vec!["me".to_owned()]);
        compare("P6 GetUser, of oneself / bare tonic Greet", &ours.process, &bare, &me, &greet).await;
        let others = Load::get_user(&ours.service_token().await, ours.users(USERS).await);
        compare("P6 GetUser, of 1,000 users / bare tonic Greet", &ours.process, &bare, &others, &greet).await;
        let sign_in = Countersign::sign_in();
        let (rate, cpu) = sessions::refresh(&ours.process, &sign_in, ROUND).await;
        println!("P5 RefreshToken, 32 sessions at once, each committed: {rate:.0} calls/s (CPU a call {cpu:.0} µs)");
        let (rate, cpu) = sessions::sign_out(&ours.process, &sign_in, SIGN_OUTS).await;
        println!("RevokeToken, {SIGN_OUTS} sessions of one user at once, each committed: {rate:.0} calls/s (CPU a call {cpu:.0} µs)");
    });
}

async fn compare(name: &str, ours: &Measured, theirs: &Measured, our_load: &Load, their_load: &Load) {
    // Unmeasured: caches, connections and branch predictors warm up.
    our_load.drive(ours, Duration::from_secs(1)).await;
    their_load.drive(theirs, Duration::from_secs(1)).await;
    let (mut mine, mut bare, mut ratios, mut rates) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let b = their_load.drive(theirs, ROUND).await;
        let m = our_load.drive(ours, ROUND).await;
        ratios.push(b.cpu_micros_a_call / m.cpu_micros_a_call);
        rates.push(m.calls_a_second / b.calls_a_second);
        mine.push(m);
        bare.push(b);
    }
    let cpu = |rounds: &[load::Outcome]| median(rounds.iter().map(|round| round.cpu_micros_a_call).collect());
    let rate = |rounds: &[load::Outcome]| median(rounds.iter().map(|round| round.calls_a_second).collect());
    println!(
        "{name}: {:.2} (CPU a call {:.1} µs against {:.1} µs; {:.0} against {:.0} calls/s, {:.2})",
        median(ratios),
        cpu(&mine),
        cpu(&bare),
        rate(&mine),
        rate(&bare),
        median(rates),
    );
}

fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}

fn machine() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or(": unknown");
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    format!("{cores} x {}", model.trim_start_matches([' ', '\t', ':']))
}
