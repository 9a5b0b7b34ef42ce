//! What the client's README shows of the examples is what they are.

use std::fs;
use std::path::Path;

#[test]
fn the_readme_shows_the_examples_as_they_are() {
    let client = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let readme = fs::read_to_string(client.join("README.md")).unwrap();
    let mut shown = 0;
    for part in readme.split("<!-- ").skip(1) {
        let (path, rest) = part.split_once(" -->").unwrap();
        let snippet = rest.split("```").nth(1).unwrap().trim_start_matches("rust,ignore");
        let example = fs::read_to_string(client.join(path)).unwrap();
        assert!(unindented(&example).contains(&unindented(snippet)), "{path} has not:\n{snippet}");
        shown += 1;
    }
    assert_eq!(shown, 3);
}

fn unindented(code: &str) -> String {
    code.trim().lines().map(str::trim).collect::<Vec<_>>().join("\n")
}
