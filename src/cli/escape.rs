//! Text of others on a person's terminal. A name or a user agent is chosen by whoever has it, and a terminal obeys what it
//! is sent: such text must not move the cursor, change the colours, or reverse the order of what stands beside it.

use std::fmt::Write as _;

/// `text` without anything that a terminal obeys or that cannot be seen, on one line: control characters, marks of
/// direction, separators of lines and characters without a width become `\n`, `\u{1b}` and the like, and a backslash
/// becomes two, so that none of these can be imitated.
pub(super) fn escape(text: &str) -> String {
    // What the standard library holds for unprintable is what Unicode calls control, format, private, unassigned or a
    // separator other than the space. It escapes quotes too, which do no harm here.
    text.escape_debug().to_string().replace("\\'", "'").replace("\\\"", "\"")
}

/// JSON with the same characters as `\u` escapes, which mean the same to every program. `json` is whole: outside of its
/// strings there is nothing to escape.
pub(super) fn escape_json(json: &str) -> String {
    let mut escaped = String::with_capacity(json.len());
    for c in json.chars() {
        if c < '\u{7f}' || escape(&format!("a{c}")).chars().count() == 2 {
            escaped.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _infallible = write!(escaped, "\\u{unit:04x}");
            }
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_terminal_obeys_is_left() {
        for (text, expected) in [
            ("\u{1b}[2Jgone", "\\u{1b}[2Jgone"),
            ("a\r\nroot\tadmin", "a\\r\\nroot\\tadmin"),
            ("\u{9b}31m", "\\u{9b}31m"),
            ("\u{7f}\u{0}", "\\u{7f}\\0"),
            ("\u{202e}nimda", "\\u{202e}nimda"),
            ("ali\u{200b}ce\u{2028}", "ali\\u{200b}ce\\u{2028}"),
            ("\\u{1b}", "\\\\u{1b}"),
        ] {
            assert_eq!(escape(text), expected);
        }
    }

    #[test]
    fn names_and_user_agents_stay_as_they_are() {
        for text in ["Jürgen", "李雷", "हिन्दी", "O'Neil", "grpc-node/1.2 \"x\" (Linux; x86_64)", ""]
        {
            assert_eq!(escape(text), text);
        }
    }

    #[test]
    fn a_mark_does_not_join_what_stands_before_it() {
        assert_eq!(escape("\u{301}a"), "\\u{301}a");
    }

    #[test]
    fn escaped_json_means_the_same() {
        let text = "\u{1b}[2J \u{9b}\u{202e}\u{e0001} Jürgen हिन्दी \\ \" \u{7f}";
        let json = serde_json::Value::from(text).to_string();
        let escaped = escape_json(&json);
        assert_eq!(serde_json::from_str::<String>(&escaped).unwrap(), text);
        assert!(escaped.contains("\\u009b\\u202e\\udb40\\udc01 Jürgen हिन्दी"), "{escaped}");
        assert!(!escaped.contains(['\u{9b}', '\u{202e}', '\u{7f}']), "{escaped}");
    }
}
