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
        let (language, snippet) = rest.split("```").nth(1).unwrap().split_once('\n').unwrap();
        let example = fs::read_to_string(client.join(path)).unwrap();
        match language {
            "toml" => assert_depends(&example, snippet),
            _ => assert!(unindented(&example).contains(&unindented(snippet)), "{path} has not:\n{snippet}"),
        }
        shown += 1;
    }
    assert_eq!(shown, 6);
}

/// Whatever a reader is told to depend on is what the examples depend on. Where this crate is, each says for itself.
fn assert_depends(example: &str, snippet: &str) {
    let mut lines =
        snippet.lines().filter(|line| !line.is_empty() && !line.starts_with("countersign-client"));
    let found = lines.try_fold(example, |rest, line| rest.split_once(line).map(|(_, rest)| rest).ok_or(line));
    assert_eq!(found.err(), None, "the examples' Cargo.toml has no such line there");
}

fn unindented(code: &str) -> String {
    code.trim().lines().map(str::trim).collect::<Vec<_>>().join("\n")
}
