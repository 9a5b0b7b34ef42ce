//! What one password hash, one token check and one look for revocations cost, alone on one core. `cargo bench --bench primitives`.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot be set up has nothing to measure")]

use std::hint::black_box;
use std::sync::Arc;

use argon2::{Algorithm, Argon2, Block, Params, Version};
use countersign::crypto::{HasherConfig, PasswordHasher, SecretKey, TokenSigner};
use countersign::domain::{Entropy, PlainPassword};
use countersign::server::SystemEntropy;
use countersign_verify::{Claims, KeySet, Revocation, Revocations, Revoked, Verifier};
use criterion::{Criterion, criterion_group, criterion_main};
use uuid::Uuid;

/// OWASP's minimum, the default.
const COSTS: (u32, u32, u32) = (19_456, 2, 1);
/// When the tokens are checked, in seconds.
const NOW: i64 = 1_767_225_600;

fn password_hash(c: &mut Criterion) {
    let mut group = c.benchmark_group("argon2id m=19456 KiB t=2 p=1");
    group.sample_size(50);
    let (memory_kib, passes, lanes) = COSTS;
    let params = Params::new(memory_kib, passes, lanes, Some(32)).unwrap();
    let mut memory = vec![Block::new(); params.block_count()];
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    group.bench_function("raw, memory reused", |b| {
        let mut output = [0; 32];
        b.iter(|| {
            argon2.hash_password_into_with_memory(b"correct horse", &[7; 16], &mut output, &mut memory)
        });
    });

    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let config = HasherConfig { memory_kib, passes, lanes, hash_memory_mib: None };
    let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
    let hasher = PasswordHasher::start(config, entropy).unwrap();
    group.bench_function("through the pool", |b| {
        b.iter(|| {
            let password = PlainPassword::presented("correct horse").map(Arc::new);
            runtime.block_on(hasher.verify_decoy(password, None)).unwrap();
        });
    });
}

fn claims() -> Claims {
    Claims {
        issuer: "countersign".into(),
        audience: "countersign".into(),
        subject: Uuid::nil(),
        issued_at: NOW,
        not_before: NOW,
        expires_at: NOW + 600,
        token_id: Uuid::nil(),
        session_id: Uuid::nil(),
        epoch: 1,
        auth_time: NOW,
        name: "alice".into(),
        roles: vec!["service".into()],
        amr: vec!["pwd".into()],
    }
}

fn token_check(c: &mut Criterion) {
    let key = SecretKey::generate(&SystemEntropy);
    let keys = KeySet::new([key.public_key().clone()]);
    let signer = TokenSigner::new(key);
    let claims = claims();
    let token = signer.sign(&claims);
    let verifier = Verifier::new("countersign", "countersign").unwrap();
    let mut group = c.benchmark_group("token");
    group.bench_function("sign", |b| b.iter(|| signer.sign(black_box(&claims))));
    group.bench_function("verify, never seen before", |b| {
        b.iter(|| verifier.verify(&keys, black_box(&token), NOW * 1000).unwrap());
    });
}

/// What every check of a token asks beside its signature, with nothing revoked and with much.
fn revocation_check(c: &mut Criterion) {
    let key = SecretKey::generate(&SystemEntropy);
    let key_id = key.public_key().id().clone();
    let claims = claims();
    let mut group = c.benchmark_group("revocation");
    for count in [0_u32, 100_000] {
        let mut revocations = Revocations::default();
        for number in 0..count {
            let user_id = Uuid::from_u128(u128::from(number) + 1);
            let revoked = match number % 2 {
                0 => Revoked::User { user_id, below_epoch: 2 },
                _ => Revoked::Session { user_id, session_id: Uuid::from_u128(u128::from(number)) },
            };
            revocations.add(&Revocation { sequence: i64::from(number), revoked, forget_at: i64::MAX });
        }
        group.bench_function(format!("asked of {count}"), |b| {
            b.iter(|| revocations.hit(black_box(&claims), black_box(&key_id)));
        });
    }
}

criterion_group!(benches, password_hash, token_check, revocation_check);
criterion_main!(benches);
