//! The id under which a call is found in the log: the caller's own, if it sent a usable one, or ours.

use std::sync::atomic::{AtomicU64, Ordering};

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::domain::Entropy;

/// Where the id travels, both ways.
pub(super) const HEADER: HeaderName = HeaderName::from_static("x-request-id");
/// The longest id of a caller's that is taken over.
const MAX_LENGTH: usize = 64;

/// Makes request ids: a random prefix a process, then a number. They name calls and protect nothing.
pub struct RequestIds {
    prefix: u64,
    next: AtomicU64,
}

impl RequestIds {
    /// Starts a new series.
    pub fn new(entropy: &dyn Entropy) -> Self {
        let mut prefix = [0; 8];
        entropy.fill(&mut prefix);
        Self { prefix: u64::from_be_bytes(prefix), next: AtomicU64::new(1) }
    }

    /// The id of a call with these headers. A caller's id is taken over when it cannot break a log line.
    pub(super) fn of(&self, headers: &HeaderMap) -> HeaderValue {
        match headers.get(&HEADER) {
            Some(value) if is_usable(value) => value.clone(),
            _ => self.generate(),
        }
    }

    fn generate(&self) -> HeaderValue {
        let mut text = [0; 32];
        write_hex(self.prefix, &mut text[..16]);
        write_hex(self.next.fetch_add(1, Ordering::Relaxed), &mut text[16..]);
        HeaderValue::from_bytes(&text).unwrap_or_else(|_| HeaderValue::from_static("0"))
    }
}

/// Written by hand because formatting machinery would be a tenth of a call's cost.
fn write_hex(number: u64, into: &mut [u8]) {
    for (index, digit) in into.iter_mut().enumerate() {
        *digit = b"0123456789abcdef"[(number >> (60 - 4 * index)) as usize & 15];
    }
}

fn is_usable(value: &HeaderValue) -> bool {
    let allowed = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    (1..=MAX_LENGTH).contains(&value.len()) && value.as_bytes().iter().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Ones;

    impl Entropy for Ones {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(0x1f);
        }
    }

    fn id_for(value: Option<&[u8]>) -> HeaderValue {
        let mut headers = HeaderMap::new();
        if let Some(value) = value {
            headers.insert(HEADER, HeaderValue::from_bytes(value).unwrap());
        }
        RequestIds::new(&Ones).of(&headers)
    }

    #[test]
    fn ids_are_prefix_and_number() {
        assert_eq!(id_for(None), "1f1f1f1f1f1f1f1f0000000000000001");
    }

    #[test]
    fn a_callers_id_is_kept_only_if_it_is_harmless() {
        assert_eq!(id_for(Some(b"trace-1.A_9")), "trace-1.A_9");
        for hostile in [&b""[..], b"a b", b"a\tb", b"\"quote\"", &[b'x'; 65], "ü".as_bytes()] {
            assert_ne!(id_for(Some(hostile)), HeaderValue::from_bytes(hostile).unwrap());
        }
    }
}
