//! Moments as they are shown: RFC 3339 in UTC, to the second for people, exact for programs.

use jiff::Timestamp;

/// The moment that a message carries; `None` if it carries none, or none that there is.
pub(super) fn moment(time: Option<&prost_types::Timestamp>) -> Option<Timestamp> {
    let time = time?;
    Timestamp::new(time.seconds, time.nanos).ok()
}

/// To the second, rounded down; nothing for no moment.
pub(super) fn to_second(time: Option<Timestamp>) -> String {
    let whole = |time: Timestamp| Timestamp::from_second(time.as_second()).unwrap_or(time).to_string();
    time.map(whole).unwrap_or_default()
}

/// As proto3's JSON has it: with 0, 3, 6 or 9 digits after the second, as many as are needed.
pub(super) fn exact(time: Timestamp) -> String {
    match time.subsec_nanosecond() {
        0 => format!("{time:.0}"),
        nanos if nanos % 1_000_000 == 0 => format!("{time:.3}"),
        nanos if nanos % 1000 == 0 => format!("{time:.6}"),
        _ => format!("{time:.9}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64, nanos: i32) -> Option<Timestamp> {
        moment(Some(&prost_types::Timestamp { seconds, nanos }))
    }

    #[test]
    fn people_read_seconds_and_programs_read_all_there_is() {
        for (nanos, expected) in [
            (0, "2026-01-01T00:00:00Z"),
            (400_000_000, "2026-01-01T00:00:00.400Z"),
            (400_000, "2026-01-01T00:00:00.000400Z"),
            (999_999_999, "2026-01-01T00:00:00.999999999Z"),
        ] {
            let time = at(1_767_225_600, nanos);
            assert_eq!(time.map(exact).as_deref(), Some(expected));
            assert_eq!(to_second(time), "2026-01-01T00:00:00Z");
        }
    }

    #[test]
    fn what_is_no_moment_is_nothing() {
        assert_eq!(to_second(None), "");
        assert_eq!(moment(None), None);
        assert_eq!(at(i64::MAX, 0), None);
    }
}
