//! When a call's answer is no longer waited for: what the caller says in `grpc-timeout`, or a bound of our own.

use std::time::{Duration, Instant};

use http::{HeaderMap, HeaderValue};

/// For a call that names no deadline.
const DEFAULT: Duration = Duration::from_secs(15);
/// Longer wishes are shortened to this: no call of ours takes as long, and who never finishes a message must not decide
/// for how long it is waited for.
const LONGEST: Duration = Duration::from_secs(60);

/// When a call's answer is no longer waited for. Of a stream it is the answer's beginning: for its end the caller alone
/// decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallDeadline(pub Instant);

/// `grpc-timeout` is there and cannot be read.
#[derive(Debug, PartialEq, Eq)]
pub struct DeadlineError;

impl CallDeadline {
    /// The deadline of a call that arrived at `arrival`.
    pub fn of(headers: &HeaderMap, arrival: Instant, streaming: bool) -> Result<Self, DeadlineError> {
        let span = match headers.get("grpc-timeout") {
            Some(value) => parse(value).ok_or(DeadlineError)?.min(LONGEST),
            None => DEFAULT,
        };
        Ok(Self(arrival + if streaming { span.min(DEFAULT) } else { span }))
    }
}

/// The gRPC wire form: at most eight digits and a unit.
fn parse(value: &HeaderValue) -> Option<Duration> {
    let (digits, unit) = value.to_str().ok()?.split_at_checked(value.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let number: u64 = digits.parse().ok()?;
    Some(match unit {
        "H" => Duration::from_secs(number * 3600),
        "M" => Duration::from_secs(number * 60),
        "S" => Duration::from_secs(number),
        "m" => Duration::from_millis(number),
        "u" => Duration::from_micros(number),
        "n" => Duration::from_nanos(number),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<Duration> {
        parse(&HeaderValue::from_str(text).unwrap())
    }

    #[test]
    fn every_unit_is_read() {
        assert_eq!(read("2H"), Some(Duration::from_secs(7200)));
        assert_eq!(read("3M"), Some(Duration::from_secs(180)));
        assert_eq!(read("10S"), Some(Duration::from_secs(10)));
        assert_eq!(read("250m"), Some(Duration::from_millis(250)));
        assert_eq!(read("7u"), Some(Duration::from_micros(7)));
        assert_eq!(read("99999999n"), Some(Duration::from_nanos(99_999_999)));
    }

    #[test]
    fn a_deadline_is_the_callers_up_to_a_minute() {
        #[expect(clippy::disallowed_methods, reason = "any instant will do")]
        let now = Instant::now();
        let deadline = |text: Option<&'static str>, streaming| {
            let mut headers = HeaderMap::new();
            if let Some(text) = text {
                headers.insert("grpc-timeout", HeaderValue::from_static(text));
            }
            CallDeadline::of(&headers, now, streaming).map(|deadline| (deadline.0 - now).as_secs())
        };
        for (text, unary, stream) in
            [(None, 15, 15), (Some("5S"), 5, 5), (Some("30S"), 30, 15), (Some("99999999H"), 60, 15)]
        {
            assert_eq!((deadline(text, false), deadline(text, true)), (Ok(unary), Ok(stream)), "{text:?}");
        }
        assert_eq!(deadline(Some("soon"), false), Err(DeadlineError));
    }

    #[test]
    fn what_is_not_a_timeout_is_refused() {
        for text in ["", "S", "1", "1s", "-1S", "+1S", "1 S", "123456789S", "1.5S", "0x1S"] {
            assert_eq!(read(text), None, "{text:?}");
        }
    }
}
