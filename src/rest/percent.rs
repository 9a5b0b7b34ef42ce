//! Percent-encoding, read strictly: what is not well-formed is not guessed about.

/// The text that `encoded` stands for; `None` if it is malformed or no UTF-8.
pub(super) fn decode(encoded: &str) -> Option<String> {
    decode_bytes(encoded, false)
}

/// The same in a query or a form, where `+` is a space.
pub(super) fn decode_form(encoded: &str) -> Option<String> {
    decode_bytes(encoded, true)
}

fn decode_bytes(encoded: &str, form: bool) -> Option<String> {
    let mut decoded = Vec::with_capacity(encoded.len());
    let mut bytes = encoded.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => hex(bytes.next()?)? << 4 | hex(bytes.next()?)?,
            b'+' if form => b' ',
            plain => plain,
        });
    }
    String::from_utf8(decoded).ok()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_well_formed_is_decoded_and_nothing_else() {
        assert_eq!(decode("a%20b+%C3%a9").as_deref(), Some("a b+é"));
        assert_eq!(decode_form("a+b%2B").as_deref(), Some("a b+"));
        for malformed in ["%", "%4", "%zz", "%ff", "%-1", "%+1", "a%C3"] {
            assert_eq!(decode(malformed), None, "{malformed}");
        }
    }
}
