//! Faults of the signature: none, another one's, over other bytes, and the corners of Ed25519 (RFC 8032) where
//! libraries differ.

use countersign_verify::{Defect, paseto};
use curve25519_dalek::constants::EIGHT_TORSION;
use curve25519_dalek::edwards::EdwardsPoint;
use curve25519_dalek::scalar::Scalar;
use ed25519_dalek::Signer as _;
use sha2::{Digest as _, Sha512};

use super::case::{Case, Layer};
use super::maker::{ACTIVE, STRANGER, good_parts, public, signer, with_text};

/// The order of the curve's group, little endian.
const ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

pub(crate) fn cases() -> Vec<Case> {
    [constants(), borrowed(), other_bytes(), corners()].into_iter().flatten().collect()
}

/// The strings that a signature covers, each with its length before it, and their number before all.
pub(crate) fn pae(pieces: &[&[u8]]) -> Vec<u8> {
    let mut bytes = length(pieces.len()).to_vec();
    for piece in pieces {
        bytes.extend(length(piece.len()));
        bytes.extend(*piece);
    }
    bytes
}

const fn length(length: usize) -> [u8; 8] {
    (length as u64).to_le_bytes()
}

/// The good token's payload and footer with another signature.
fn with_signature(signature: [u8; 64]) -> String {
    let parts = good_parts();
    paseto::assemble(parts.payload(), &signature, parts.footer())
}

fn pair(r: [u8; 32], s: [u8; 32]) -> [u8; 64] {
    let mut signature = [0; 64];
    signature[..32].copy_from_slice(&r);
    signature[32..].copy_from_slice(&s);
    signature
}

fn halves(signature: &[u8; 64]) -> ([u8; 32], [u8; 32]) {
    let (r, s) = signature.split_at(32);
    (r.try_into().expect("half of 64"), s.try_into().expect("half of 64"))
}

fn bad(layer: Layer, cases: impl IntoIterator<Item = (&'static str, [u8; 64])>) -> Vec<Case> {
    let case = |(what, signature)| {
        Case::bad(layer, Defect::Signature, format!("signature: {what}"), with_signature(signature))
    };
    cases.into_iter().map(case).collect()
}

fn constants() -> Vec<Case> {
    let (r, s) = halves(good_parts().signature());
    let mut neutral = [0; 32];
    neutral[0] = 1;
    let mut minus_one = [0xff; 32];
    (minus_one[0], minus_one[31]) = (0xec, 0x7f);
    let mut neutral_again = [0xff; 32];
    (neutral_again[0], neutral_again[31]) = (0xee, 0x7f);
    bad(
        Layer::Paseto,
        [
            ("all zeros", [0; 64]),
            ("all ones", [0xff; 64]),
            ("S zero", pair(r, [0; 32])),
            ("R zero", pair([0; 32], s)),
            ("R the neutral element, S zero", pair(neutral, [0; 32])),
            ("R the neutral element in another encoding, S zero", pair(neutral_again, [0; 32])),
            ("R of order two, S zero", pair(minus_one, [0; 32])),
            ("S the order of the group", pair(r, ORDER)),
            ("R and S exchanged", pair(s, r)),
        ],
    )
}

fn borrowed() -> Vec<Case> {
    let other = paseto::split(&with_text("name", "Bob")).expect("a token with its parts");
    let theirs = signer(STRANGER).sign(&over_good());
    let mut reversed = *good_parts().signature();
    reversed.reverse();
    bad(
        Layer::Paseto,
        [
            ("another token's", *other.signature()),
            ("a stranger's", theirs.to_bytes()),
            ("backwards", reversed),
        ],
    )
}

/// What the good token's signature covers.
fn over_good() -> Vec<u8> {
    let parts = good_parts();
    paseto::signing_input(parts.payload(), parts.footer())
}

fn other_bytes() -> Vec<Case> {
    let parts = good_parts();
    let (payload, footer) = (parts.payload(), parts.footer());
    let sign = |bytes: &[u8]| signer(ACTIVE).sign(bytes).to_bytes();
    let header: &[u8] = b"v4.public.";
    let mut big_endian = over_good();
    big_endian[..8].reverse();
    bad(
        Layer::Paseto,
        [
            ("over the payload alone", sign(payload)),
            ("over everything without lengths", sign(&[header, payload, footer].concat())),
            ("over three strings, no implicit assertion among them", sign(&pae(&[header, payload, footer]))),
            ("over an implicit assertion", sign(&pae(&[header, payload, footer, b"orders"]))),
            ("over five strings", sign(&pae(&[header, payload, footer, b"", b""]))),
            ("over no footer", sign(&pae(&[header, payload, b"", b""]))),
            ("over the header without its last dot", sign(&pae(&[b"v4.public", payload, footer, b""]))),
            ("over the header of version 2", sign(&pae(&[b"v2.public.", payload, footer, b""]))),
            ("over the header of version 3", sign(&pae(&[b"v3.public.", payload, footer, b""]))),
            ("over the footer before the payload", sign(&pae(&[header, footer, payload, b""]))),
            ("over a number of strings in big endian", sign(&big_endian)),
            ("over the hash of what it should cover", sign(&Sha512::digest(over_good()))),
        ],
    )
}

/// Corners of Ed25519. Only the key's holder can make the last three, but libraries differ on them; we take the strict
/// side.
fn corners() -> Vec<Case> {
    let (r, s) = halves(good_parts().signature());
    let twice = plus_order(plus_order(s));
    let mut cases = bad(
        Layer::Paseto,
        [
            ("S plus the order of the group", pair(r, plus_order(s))),
            ("S plus twice the order of the group", pair(r, twice)),
        ],
    );
    let shifted = |index: usize| {
        let nonce = Scalar::from(7_u8);
        signed_with_r(EdwardsPoint::mul_base(&nonce) + EIGHT_TORSION[index], nonce)
    };
    let neutral = signed_with_r(EIGHT_TORSION[0], Scalar::ZERO);
    cases.extend(bad(
        Layer::Countersign,
        [
            ("R the neutral element, S fitting", neutral),
            ("R shifted by a point of order eight, S fitting", shifted(1)),
            ("R shifted by a point of order two, S fitting", shifted(4)),
        ],
    ));
    cases
}

/// The signature over the good token that has this R, which need not be the nonce times the base point.
fn signed_with_r(r: EdwardsPoint, nonce: Scalar) -> [u8; 64] {
    let r = r.compress().to_bytes();
    let hash =
        Sha512::new().chain_update(r).chain_update(public(ACTIVE).as_bytes()).chain_update(over_good());
    let challenge = Scalar::from_bytes_mod_order_wide(&hash.finalize().into());
    pair(r, (nonce + challenge * signer(ACTIVE).to_scalar()).to_bytes())
}

/// The same scalar with the order of the group added: as bytes another number.
fn plus_order(scalar: [u8; 32]) -> [u8; 32] {
    let mut sum = scalar;
    let mut carry = 0;
    for (byte, addend) in sum.iter_mut().zip(ORDER) {
        let total = u16::from(*byte) + u16::from(addend) + carry;
        *byte = total.to_le_bytes()[0];
        carry = total >> 8;
    }
    sum
}
