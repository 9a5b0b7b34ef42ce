//! Programs that we did not write. What is not installed is skipped loudly, or a failure where everything is required.

use std::io::Write;
use std::path::PathBuf;

/// The program called `name`, from PATH. `None` means that the test has said that it is skipped.
#[expect(clippy::disallowed_methods, reason = "the environment of a test run is its command line")]
pub fn tool(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found =
        std::env::split_paths(&path).map(|folder| folder.join(name)).find(|candidate| candidate.is_file());
    if found.is_none() {
        let required = std::env::var_os("COUNTERSIGN_TEST_REQUIRE").is_some_and(|value| value == "all");
        assert!(!required, "{name} is required by COUNTERSIGN_TEST_REQUIRE=all and is not installed");
        // Past the capture of a passing test's output, or nobody would read it.
        std::io::stderr().write_all(format!("skipped: {name} is not installed\n").as_bytes()).unwrap();
    }
    found
}
