//! Moments as text: RFC 3339 to whole seconds since the Unix epoch and back. Owns no rule about which moments are good.

use jiff::Timestamp;

/// The first moment that RFC 3339 can write, 0000-01-01T00:00:00Z.
const FIRST_SECOND: i64 = -62_167_219_200;

/// The moment in UTC, `2026-11-23T21:08:19Z`. Beyond the years 0 to 9999 the nearest moment that has a text.
pub(crate) fn write(second: i64) -> String {
    let second = second.clamp(FIRST_SECOND, Timestamp::MAX.as_second());
    Timestamp::from_second(second).unwrap_or(Timestamp::MAX).to_string()
}

/// The moment's second, rounded down. Reads what RFC 3339 allows: an offset, and up to nine digits of a fraction.
pub(crate) fn read(text: &str) -> Option<i64> {
    if !has_shape(text.as_bytes()) {
        return None;
    }
    let timestamp: Timestamp = text.parse().ok()?;
    i64::try_from(timestamp.as_nanosecond().div_euclid(1_000_000_000)).ok()
}

/// The library reads far more than RFC 3339: no seconds, a space for the `T`, years of six digits, time zone names.
/// Two readers that disagree on such a text would disagree on when a token ends.
fn has_shape(text: &[u8]) -> bool {
    let Some((date_time, rest)) = text.split_at_checked(19) else {
        return false;
    };
    let fraction = match rest {
        [b'.', digits @ ..] => 1 + digits.iter().take_while(|byte| byte.is_ascii_digit()).count(),
        _ => 0,
    };
    fits(date_time, b"0000-00-00T00:00:00")
        && match &rest[fraction..] {
            [b'Z' | b'z'] => true,
            [b'+' | b'-', offset @ ..] => fits(offset, b"00:00"),
            _ => false,
        }
}

/// Whether `text` is like `pattern`, in which `0` stands for any digit and `T` for either case.
fn fits(text: &[u8], pattern: &[u8]) -> bool {
    text.len() == pattern.len()
        && text.iter().zip(pattern).all(|(byte, expected)| match expected {
            b'0' => byte.is_ascii_digit(),
            b'T' => matches!(byte, b'T' | b't'),
            _ => byte == expected,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_has_one_text() {
        for (second, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (-1, "1969-12-31T23:59:59Z"),
            (1_795_468_099, "2026-11-23T21:08:19Z"),
            (1_709_208_000, "2024-02-29T12:00:00Z"),
            (FIRST_SECOND, "0000-01-01T00:00:00Z"),
        ] {
            assert_eq!(write(second), text);
            assert_eq!(read(text), Some(second));
        }
        assert_eq!(write(i64::MIN), "0000-01-01T00:00:00Z");
        assert!(write(i64::MAX).starts_with("9999-12-30T"));
        assert_eq!(write(i64::MAX).len(), 20);
    }

    #[test]
    fn offsets_and_fractions_are_read_and_rounded_down() {
        for (text, second) in [
            ("2026-11-23T22:08:19+01:00", 1_795_468_099),
            ("2026-11-23T13:38:19-07:30", 1_795_468_099),
            ("2026-11-23T21:08:19-00:00", 1_795_468_099),
            ("2026-11-23t21:08:19z", 1_795_468_099),
            ("2026-11-23T21:08:19.999999999Z", 1_795_468_099),
            ("1969-12-31T23:59:59.5Z", -1),
            ("2016-12-31T23:59:60Z", 1_483_228_799),
        ] {
            assert_eq!(read(text), Some(second), "{text}");
        }
    }

    #[test]
    fn other_texts_are_no_moments() {
        for text in [
            "",
            "1795468099",
            "2026-11-23",
            "2026-11-23T21:08Z",
            "2026-11-23T21:08:19",
            "2026-11-23 21:08:19Z",
            "2026-11-23T21:08:19.Z",
            "2026-11-23T21:08:19,5Z",
            "2026-11-23T21:08:19+01",
            "2026-11-23T21:08:19+0100",
            "2026-11-23T21:08:19+01:00[Europe/Paris]",
            "2026-11-23T21:08:19Z[UTC]",
            "+002026-11-23T21:08:19Z",
            "2026-11-23T21:08:19Z ",
            " 2026-11-23T21:08:19Z",
            "2026-02-29T21:08:19Z",
            "2026-13-01T21:08:19Z",
            "2026-11-23T24:00:00Z",
            "2026-11-23T21:60:00Z",
            "2026-11-23T21:08:61Z",
            "２026-11-23T21:08:19Z",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
