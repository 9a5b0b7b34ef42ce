//! The pages in a real browser: headless Chromium, driven by labels and keys.

use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::harness::{Binary, run, tool};
use crate::tls::{put, self_signed};

/// The steps that a scenario of `tests/clients/page/main.cjs` has taken. `None` where there is no browser.
fn steps(scenario: &str, arguments: &[&str]) -> Option<Vec<String>> {
    steps_at("http", Binary::start(arguments), scenario)
}

fn steps_at(scheme: &str, server: Binary, scenario: &str) -> Option<Vec<String>> {
    let (node, chromium) = (tool("clients-node")?, tool("chromium")?);
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/page/main.cjs");
    let mut command = Command::new(node);
    command.arg(program).arg(format!("{scheme}://{}", server.address)).arg(chromium).arg(scenario);
    let output = run(&mut command, "");
    let (said, complained) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{scenario}: {complained} after {said}");
    server.stop();
    Some(said.lines().map(str::to_owned).collect())
}

/// Tokens that live so short that a test sees many of them.
const SHORT: [&str; 2] = ["--token-lifetime", "3s"];

#[test]
fn an_account_lives_its_whole_life_on_the_page() {
    let Some(steps) = steps("account", &[]) else { return };
    assert_eq!(steps.len(), 11, "{steps:#?}");
}

#[test]
fn an_account_lives_its_whole_life_over_tls() {
    let (folder, pair) = (TempDir::new().unwrap(), self_signed());
    put(folder.path(), "cert.pem", &pair.cert);
    put(folder.path(), "key.pem", &pair.key);
    let server = Binary::start_in(folder, &["--tls-cert-file", "cert.pem", "--tls-key-file", "key.pem"]);
    let Some(steps) = steps_at("https", server, "account") else { return };
    assert_eq!(steps.len(), 11, "{steps:#?}");
}

#[test]
fn the_page_refreshes_in_the_background_and_no_lost_answer_signs_out() {
    let Some(steps) = steps("refresh", &SHORT) else { return };
    assert_eq!(steps.len(), 4, "{steps:#?}");
}

#[test]
fn two_tabs_share_a_session_and_never_race() {
    let Some(steps) = steps("tabs", &SHORT) else { return };
    assert_eq!(steps.len(), 6, "{steps:#?}");
}

#[test]
fn a_session_that_was_ended_elsewhere_is_noticed_on_the_page() {
    let Some(steps) = steps("sessions", &[]) else { return };
    assert_eq!(steps.len(), 9, "{steps:#?}");
}

#[test]
fn the_reference_loads_nothing_from_elsewhere_and_its_curl_lines_work_as_copied() {
    let Some(_) = tool("curl") else { return };
    let Some(steps) = steps("docs", &[]) else { return };
    assert_eq!(steps.len(), 3, "{steps:#?}");
}

#[test]
fn the_pages_fit_every_window_whatever_people_call_themselves() {
    let Some(steps) = steps("layout", &[]) else { return };
    assert_eq!(steps.len(), 4, "{steps:#?}");
}
