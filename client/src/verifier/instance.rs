//! The name of a verifier among others, for people, and what tells it apart from those before it.

use std::path::Path;
use std::{env, fs, process};

/// The most characters that a name may have.
const MAX_CHARS: usize = 64;
/// Where Linux tells the machine's name, which in a container is the container's.
const HOST_NAME_FILE: &str = "/proc/sys/kernel/hostname";

/// Whether a text can be a name: 1 to 64 printable characters.
pub(super) fn is_name(text: &str) -> bool {
    (1..=MAX_CHARS).contains(&text.chars().count()) && !text.chars().any(char::is_control)
}

/// A name for this process: the program, the machine, and the process id.
pub(super) fn default_name() -> String {
    let program = env::current_exe().ok();
    let program = program.as_deref().and_then(Path::file_stem).map(|name| name.to_string_lossy());
    let host = fs::read_to_string(HOST_NAME_FILE).unwrap_or_default();
    named(program.as_deref().unwrap_or_default(), host.trim(), process::id())
}

fn named(program: &str, host: &str, id: u32) -> String {
    let part = |text: &str, other: &str| -> String {
        let printable: String = text.chars().filter(|c| c.is_ascii_graphic()).take(24).collect();
        if printable.is_empty() { other.to_owned() } else { printable }
    };
    format!("{}@{}/{id}", part(program, "verifier"), part(host, "localhost"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_process_has_a_name_by_default() {
        assert!(is_name(&default_name()));
        assert_eq!(named("orders", "web-3", 4711), "orders@web-3/4711");
        assert_eq!(named("", "\n", 1), "verifier@localhost/1");
        assert!(is_name(&named(&"x".repeat(500), &"ü".repeat(500), u32::MAX)));
    }

    #[test]
    fn a_name_is_1_to_64_printable_characters() {
        assert!(is_name("Bestellungen für München #1") && is_name(&"ü".repeat(64)));
        assert!(!is_name("") && !is_name(&"x".repeat(65)) && !is_name("two\nlines"));
    }
}
