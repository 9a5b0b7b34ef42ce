//! Texts that are nearly a good token. None may be good, and none may end the process.

use countersign_verify::{Claims, Defect, TokenError, paseto};

use super::kit::{NOW, Random, claims, keys, token, verifier};

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
/// What is no base64url, and what other readers let pass.
const STRANGERS: [char; 12] = ['.', '=', '+', '/', ' ', '\n', '\0', ',', '~', '\u{7f}', 'é', '\u{ff21}'];

/// A mutation is caught before or by the signature, so it is never a matter of time.
fn assert_refused(text: &str) {
    let refused = verifier().verify(&keys(), text, NOW);
    assert!(matches!(refused, Err(TokenError::Invalid(_))), "{refused:?}: {text}");
}

/// Good tokens whose last characters carry zero, two and four bits that are not part of any byte.
fn good() -> Vec<String> {
    let tokens: Vec<String> =
        ["A", "Al", "Ali"].map(|name| token(1, &Claims { name: name.into(), ..claims() })).into();
    for token in &tokens {
        assert!(verifier().verify(&keys(), token, NOW).is_ok());
    }
    tokens
}

#[test]
fn every_change_of_one_character_is_refused() {
    let mut changes = 0;
    let token = &good()[0];
    for (index, old) in token.char_indices() {
        let characters = ALPHABET.iter().map(|byte| char::from(*byte)).chain(STRANGERS);
        for new in characters.filter(|new| *new != old) {
            let text = format!("{}{new}{}", &token[..index], &token[index + 1..]);
            assert_refused(&text);
            changes += 1;
        }
        assert_refused(&format!("{}{}", &token[..index], &token[index + 1..]));
    }
    assert!(changes > 40_000, "{changes}");
}

#[test]
fn every_part_of_a_token_is_refused() {
    for token in good() {
        for end in 0..token.len() {
            assert_refused(&token[..end]);
        }
        for start in 1..=token.len() {
            assert_refused(&token[start..]);
        }
    }
}

#[test]
fn nothing_may_stand_around_a_token() {
    for token in good() {
        let letters = ALPHABET.iter().map(|byte| char::from(*byte));
        for character in STRANGERS.into_iter().chain(letters) {
            assert_refused(&format!("{token}{character}"));
            assert_refused(&format!("{character}{token}"));
        }
        assert_refused(&format!("{token}."));
        assert_refused(&format!("{token}.."));
        assert_refused(&format!("{token}=="));
        assert_refused(&format!("{token}.{token}"));
        assert_refused(&format!("Bearer {token}"));
    }
}

#[test]
fn another_spelling_of_the_same_bytes_is_refused() {
    let mut spellings = 0;
    for token in good() {
        let parts: Vec<&str> = token.split('.').collect();
        for index in [2, 3] {
            let stray_bits = match parts[index].len() % 4 {
                2 => 4,
                3 => 2,
                _ => 0,
            };
            let (start, last) = parts[index].split_at(parts[index].len() - 1);
            let sextet = ALPHABET.iter().position(|byte| *byte == last.as_bytes()[0]).unwrap();
            for stray in 1..1 << stray_bits {
                let other = format!("{start}{}", char::from(ALPHABET[sextet | stray]));
                assert_spelling(&parts, index, &other);
                spellings += 1;
            }
            for padding in ["=", "=="] {
                assert_spelling(&parts, index, &format!("{}{padding}", parts[index]));
            }
        }
    }
    // Three footers with 15 each; bodies with 0, 3 and 15.
    assert_eq!(spellings, 3 * 15 + 3 + 15);
}

fn assert_spelling(parts: &[&str], index: usize, other: &str) {
    let mut parts = parts.to_vec();
    parts[index] = other;
    let refused = verifier().verify(&keys(), &parts.join("."), NOW);
    assert_eq!(refused, Err(TokenError::Invalid(Defect::Base64)), "{other}");
}

/// S and S + L stand for the same scalar (RFC 8032, 5.1.7); a reader that takes both lets anyone write a second token.
#[test]
fn a_signature_with_another_scalar_is_refused() {
    const L: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let parts = paseto::split(&good()[0]).unwrap();
    let mut signature = *parts.signature();
    assert_eq!(paseto::assemble(parts.payload(), &signature, parts.footer()), good()[0]);
    let mut carry = 0;
    for (byte, addend) in signature[32..].iter_mut().zip(L) {
        let sum = u16::from(*byte) + u16::from(addend) + carry;
        *byte = sum.to_le_bytes()[0];
        carry = sum >> 8;
    }
    let other = paseto::assemble(parts.payload(), &signature, parts.footer());
    let refused = verifier().verify(&keys(), &other, NOW);
    assert_eq!(refused, Err(TokenError::Invalid(Defect::Signature)));
}

#[test]
fn ten_thousand_mangled_tokens_are_refused() {
    let mut random = Random(20_261_123);
    let mut originals = good();
    originals.push(token(2, &claims()));
    let mut ran = 0;
    while ran < 10_000 {
        let mut text: Vec<char> = originals[random.below(originals.len())].chars().collect();
        for _ in 0..=random.below(4) {
            mangle(&mut text, &originals, &mut random);
        }
        let text: String = text.into_iter().collect();
        if !originals.contains(&text) {
            assert_refused(&text);
            ran += 1;
        }
    }
}

fn mangle(text: &mut Vec<char>, originals: &[String], random: &mut Random) {
    let at = random.below(text.len() + 1);
    let to = random.below(text.len() + 1);
    let (start, end) = (at.min(to), at.max(to));
    match random.below(10) {
        0 => text.truncate(at),
        1 => drop(text.drain(start..end)),
        2 => text.insert(at, random.pick(&STRANGERS)),
        3 => text.insert(at, char::from(random.pick(ALPHABET))),
        4 => text[start..end].reverse(),
        5 => text.extend_from_within(start..end),
        6 => text[start..end].fill('A'),
        7 => {
            // The other part of another token, as a splice at the same place.
            let other = originals[random.below(originals.len())].chars();
            text.truncate(at);
            text.extend(other.skip(at));
        }
        8 => {
            let length = random.below(3000);
            *text = (0..length).map(|_| char::from(random.pick(ALPHABET))).collect();
        }
        _ => {
            for character in &mut text[start..end] {
                let code = u32::try_from(random.below(0x11_0000)).unwrap();
                *character = char::from_u32(code).unwrap_or('.');
            }
        }
    }
}
