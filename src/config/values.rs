//! What a typed value means. Each function takes the text of one setting and says what is wrong in the words of the
//! setting's user.

use std::net::SocketAddr;
use std::str::FromStr;
use std::time::Duration;

/// A span: a whole number and a unit. The error says what it must be.
pub fn span(text: &str) -> Result<Duration, String> {
    const RULE: &str =
        "must be a whole number, more than zero, followed by s, m, h or d (600s, 10m, 1h, 30d)";
    let seconds = text
        .split_at_checked(text.len().saturating_sub(1))
        .and_then(|(digits, unit)| {
            let number = digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse::<u64>().ok())??;
            let factor = match unit {
                "s" => 1,
                "m" => 60,
                "h" => 3600,
                "d" => 86_400,
                _ => return None,
            };
            number.checked_mul(factor)
        })
        .filter(|&seconds| seconds > 0)
        .ok_or(RULE)?;
    // Ten years: beyond any use, and far from overflowing a timestamp.
    if seconds > 3650 * 86_400 {
        Err("must be at most 3650d".to_owned())
    } else {
        Ok(Duration::from_secs(seconds))
    }
}

/// For how long what was heard is believed; `None` for ever.
pub(super) fn staleness(text: &str) -> Result<Option<Duration>, String> {
    match text {
        "0" => Ok(None),
        _ => match span(text)? {
            // The log is read eight times a second; a hiccup of a second is none.
            span if span < Duration::from_secs(2) => Err("must be at least 2s, or 0 for no limit".to_owned()),
            span => Ok(Some(span)),
        },
    }
}

/// A whole number within bounds.
pub(super) fn number(text: &str, least: u32, most: u32) -> Result<u32, String> {
    u32::from_str(text)
        .ok()
        .filter(|number| (least..=most).contains(number) && text.bytes().all(|b| b.is_ascii_digit()))
        .ok_or_else(|| format!("must be a whole number from {least} to {most}"))
}

/// An address and a port.
pub(super) fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse()
        .map_err(|_| "must be an IP address and a port, like 127.0.0.1:50051 or [::1]:50051".to_owned())
}

/// One of a few words.
pub(super) fn word<T: Copy>(text: &str, words: &[(&str, T)]) -> Result<T, String> {
    let found = words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
    found.ok_or_else(|| {
        let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        format!("must be one of {}", known.join(", "))
    })
}

/// Names with commas between them; nothing at all is no name.
pub(super) fn list(text: &str) -> Vec<&str> {
    if text.is_empty() { Vec::new() } else { text.split(',').map(str::trim).collect() }
}

/// Text that goes into tokens, whose size is bounded, and logs.
pub(super) fn visible(text: &str) -> Result<String, String> {
    if (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic()) {
        Ok(text.to_owned())
    } else {
        Err("must be 1 to 64 visible ASCII characters".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_have_a_number_and_a_unit() {
        assert_eq!(span("600s"), Ok(Duration::from_secs(600)));
        assert_eq!(span("10m"), Ok(Duration::from_secs(600)));
        assert_eq!(span("1h"), Ok(Duration::from_secs(3600)));
        assert_eq!(span("30d"), Ok(Duration::from_secs(30 * 86_400)));
        for text in
            ["", "s", "600", "0s", "-1s", "1.5h", "1 h", "10ms", "99999999999999999999s", "4000d", "1é"]
        {
            assert!(span(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn numbers_keep_their_bounds() {
        assert_eq!(number("8", 8, 128), Ok(8));
        for text in ["", "7", "129", "+8", "8.0", "eight"] {
            assert_eq!(
                number(text, 8, 128),
                Err("must be a whole number from 8 to 128".to_owned()),
                "{text:?}"
            );
        }
    }
}
