//! Keys, claims and tokens that the tests share. Everything is fixed: no clock, no randomness from outside.

use countersign_verify::{Claims, KeySet, PublicKey, Verifier, footer_for, paseto};
use ed25519_dalek::{Signer as _, SigningKey};
use uuid::Uuid;

/// 2026-11-23T21:08:19Z, when the tokens are issued, in seconds.
pub(crate) const ISSUED_AT: i64 = 1_795_468_099;
/// A minute later, in milliseconds.
pub(crate) const NOW: i64 = (ISSUED_AT + 60) * 1000;

pub(crate) fn signer(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

pub(crate) fn key(seed: u8) -> PublicKey {
    PublicKey::from_bytes(signer(seed).verifying_key().as_bytes()).unwrap()
}

/// Keys 1 and 2 are trusted, all others are not.
pub(crate) fn keys() -> KeySet {
    KeySet::new([key(1), key(2)])
}

pub(crate) fn verifier() -> Verifier {
    Verifier::new("countersign", "orders").unwrap()
}

pub(crate) fn claims() -> Claims {
    Claims {
        issuer: "countersign".into(),
        audience: "orders".into(),
        subject: Uuid::from_u128(0x0193_b4a0_5f6e_7c3a_8d5e_1f2a_3b4c_5d6e),
        issued_at: ISSUED_AT,
        not_before: ISSUED_AT,
        expires_at: ISSUED_AT + 600,
        token_id: Uuid::from_u128(0x0193_b4a0_5f6e_7c3a_8d5e_1f2a_3b4c_0001),
        session_id: Uuid::from_u128(0x0193_b4a0_5f6e_7c3a_8d5e_1f2a_3b4c_0002),
        epoch: 3,
        auth_time: ISSUED_AT - 5,
        name: "Alice".into(),
        roles: vec!["admin".into(), "service".into()],
        amr: vec!["pwd".into()],
    }
}

/// A token with any payload and footer, signed with the key of `seed`.
pub(crate) fn sign(seed: u8, payload: &[u8], footer: &[u8]) -> String {
    let signature = signer(seed).sign(&paseto::signing_input(payload, footer));
    paseto::assemble(payload, &signature.to_bytes(), footer)
}

/// A token as the service issues it.
pub(crate) fn token(seed: u8, claims: &Claims) -> String {
    sign(seed, &claims.to_json(), footer_for(key(seed).id()).as_bytes())
}

/// SplitMix64: the same sequence on every run, so that a failure comes back.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % bound as u64).unwrap()
    }

    pub(crate) fn pick<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.below(items.len())]
    }
}
