//! Times and spans of the protos.

use std::time::Duration;

use crate::auth::Error;
use crate::domain::Timestamp;

/// A negative span becomes zero, which no lifetime may be either.
pub(super) fn span(field: &'static str, duration: prost_types::Duration) -> Result<Duration, Error> {
    const MAX_SECONDS: i64 = 315_576_000_000;
    let in_range = (-MAX_SECONDS..=MAX_SECONDS).contains(&duration.seconds)
        && (-999_999_999..=999_999_999).contains(&duration.nanos)
        && (duration.seconds == 0 || duration.nanos == 0 || (duration.seconds > 0) == (duration.nanos > 0));
    if !in_range {
        return Err(Error::field(field, "is not a valid google.protobuf.Duration"));
    }
    let (Ok(seconds), Ok(nanos)) = (u64::try_from(duration.seconds), u32::try_from(duration.nanos)) else {
        return Ok(Duration::ZERO);
    };
    Ok(Duration::new(seconds, nanos))
}

pub(in crate::grpc) fn timestamp(at: Timestamp) -> prost_types::Timestamp {
    let nanos = at.as_millis().rem_euclid(1000) * 1_000_000;
    prost_types::Timestamp { seconds: at.as_secs(), nanos: i32::try_from(nanos).unwrap_or(0) }
}

pub(super) fn duration(span: Duration) -> prost_types::Duration {
    prost_types::Duration {
        seconds: i64::try_from(span.as_secs()).unwrap_or(i64::MAX),
        nanos: i32::try_from(span.subsec_nanos()).unwrap_or(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(seconds: i64, nanos: i32) -> Option<Duration> {
        span("lifetime", prost_types::Duration { seconds, nanos }).ok()
    }

    #[test]
    fn spans_are_read_and_nonsense_is_refused() {
        assert_eq!(read(1, 500_000_000), Some(Duration::from_millis(1500)));
        assert_eq!(read(-1, 0), Some(Duration::ZERO));
        assert_eq!(read(0, -5), Some(Duration::ZERO));
        assert_eq!(read(1, -5), None);
        assert_eq!(read(-1, 5), None);
        assert_eq!(read(0, 1_000_000_000), None);
        assert_eq!(read(i64::MAX, 0), None);
    }

    #[test]
    fn times_before_the_epoch_keep_their_order() {
        assert_eq!(
            timestamp(Timestamp::from_millis(1)),
            prost_types::Timestamp { seconds: 0, nanos: 1_000_000 }
        );
        assert_eq!(
            timestamp(Timestamp::from_millis(-1)),
            prost_types::Timestamp { seconds: -1, nanos: 999_000_000 }
        );
    }
}
