use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use argon2::password_hash::PasswordHasher as _;
use argon2::password_hash::PasswordVerifier as _;

use super::*;
use crate::crypto::test_support::SeededEntropy;

pub(super) const CHEAP: HasherConfig =
    HasherConfig { memory_kib: 64, passes: 2, lanes: 1, hash_memory_mib: None };
pub(super) const SECRET: &str = "correct horse battery staple";

pub(super) fn hasher(config: HasherConfig) -> PasswordHasher {
    PasswordHasher::start(config, Arc::new(SeededEntropy::new(1))).unwrap()
}

pub(super) fn password(text: &str) -> PlainPassword {
    PlainPassword::presented(text).unwrap()
}

pub(super) fn reference(
    algorithm: Algorithm,
    version: Version,
    costs: [u32; 3],
    salt: &[u8],
    bytes: usize,
) -> String {
    let params = Params::new(costs[0], costs[1], costs[2], Some(bytes)).unwrap();
    let argon2 = Argon2::new(algorithm, version, params);
    argon2.hash_password_with_salt(SECRET.as_bytes(), salt).unwrap().to_string()
}

pub(super) async fn settled(hasher: &PasswordHasher) -> PoolUsage {
    while hasher.usage().running > 0 {
        tokio::task::yield_now().await;
    }
    hasher.usage()
}

#[tokio::test]
async fn what_is_hashed_verifies_here_and_in_the_reference() {
    for (memory_kib, passes, lanes) in [(8, 1, 1), (64, 2, 1), (70, 3, 2)] {
        let hasher = hasher(HasherConfig { memory_kib, passes, lanes, ..CHEAP });
        let stored = hasher.hash_new(password(SECRET), None).await.unwrap();
        let prefix = format!("$argon2id$v=19$m={memory_kib},t={passes},p={lanes}$");
        assert!(stored.expose_phc().starts_with(&prefix), "{}", stored.expose_phc());
        Argon2::default().verify_password(SECRET.as_bytes(), stored.expose_phc()).unwrap();
        let right = hasher.verify(password(SECRET), stored.clone(), None).await;
        assert_eq!(right, Ok(Verification::Match { outdated: false }));
        let wrong = hasher.verify(password("correct horse battery stapl"), stored, None).await;
        assert_eq!(wrong, Ok(Verification::Mismatch));
    }
}

#[tokio::test]
async fn two_hashes_of_one_password_have_nothing_in_common() {
    let hasher = hasher(CHEAP);
    let first = hasher.hash_new(password(SECRET), None).await.unwrap();
    let second = hasher.hash_new(password(SECRET), None).await.unwrap();
    let tails = [&first, &second].map(|row| row.expose_phc().split('$').skip(4).collect::<Vec<_>>());
    assert!(tails[0].iter().zip(&tails[1]).all(|(first, second)| first != second));
    assert_eq!(tails[0][0].len(), 22, "16 bytes of salt");
    assert_eq!(tails[0][1].len(), 43, "32 bytes of hash");
}

#[tokio::test]
async fn rows_of_other_costs_match_and_are_outdated() {
    let hasher = hasher(HasherConfig { hash_memory_mib: Some(1), ..CHEAP });
    let salt = b"0123456789abcdef";
    for (costs, salt, bytes) in [
        ([8, 1, 1], &salt[..], 32),
        ([1024, 1, 1], salt, 32),
        ([64, 3, 1], salt, 32),
        ([64, 2, 2], salt, 32),
        ([64, 2, 1], &salt[..8], 32),
        ([64, 2, 1], salt, 64),
        ([64, 2, 1], salt, 16),
    ] {
        let row =
            StoredPassword::from_phc(reference(Algorithm::Argon2id, Version::V0x13, costs, salt, bytes));
        let result = hasher.verify(password(SECRET), row.clone(), None).await;
        assert_eq!(result, Ok(Verification::Match { outdated: true }), "{costs:?} {bytes}");
        let wrong = hasher.verify(password("wrong"), row, None).await;
        assert_eq!(wrong, Ok(Verification::Mismatch));
    }
    let rehashed = hasher.rehash(password(SECRET), None).await.unwrap();
    let result = hasher.verify(password(SECRET), rehashed, None).await;
    assert_eq!(result, Ok(Verification::Match { outdated: false }));
}

#[tokio::test]
async fn a_decoy_does_what_a_wrong_password_does() {
    let hasher = hasher(CHEAP);
    let stored = hasher.hash_new(password(SECRET), None).await.unwrap();
    let mut efforts = vec![settled(&hasher).await.effort];
    hasher.verify(password("wrong"), stored, None).await.unwrap();
    efforts.push(settled(&hasher).await.effort);
    hasher.verify_decoy(Some(Arc::new(password("wrong"))), None).await.unwrap();
    efforts.push(settled(&hasher).await.effort);
    hasher.verify_decoy(None, None).await.unwrap();
    efforts.push(settled(&hasher).await.effort);
    let costs: Vec<_> = efforts.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert_eq!(costs, [128, 128, 128]);
}

#[tokio::test]
async fn the_decoy_is_a_row_like_any_other_that_nothing_matches() {
    let hasher = hasher(CHEAP);
    let decoy = hasher.0.decoy.clone();
    let row = Row::parse(&decoy, 64).unwrap();
    assert!(!row.differs_from(&hasher.0.params));
    let not_random = STANDARD_NO_PAD.encode([0; 32]);
    for guess in ["", "password", SECRET, &not_random] {
        let result = hasher.verify(password(guess), decoy.clone(), None).await;
        assert_eq!(result, Ok(Verification::Mismatch));
    }
    let other = PasswordHasher::start(CHEAP, Arc::new(SeededEntropy::new(2))).unwrap();
    assert_ne!(other.0.decoy.expose_phc(), decoy.expose_phc());
}

#[tokio::test]
async fn a_common_new_password_is_refused_without_a_hash() {
    let hasher = hasher(CHEAP);
    let refused = hasher.hash_new(password("Passw0rd"), None).await;
    assert_eq!(refused, Err(NewPasswordError::Common));
    assert_eq!(settled(&hasher).await.effort, 0);
    assert!(hasher.rehash(password("Passw0rd"), None).await.is_ok(), "it is the user's already");
}

#[tokio::test]
async fn one_password_may_be_shared_with_the_hasher() {
    let hasher = hasher(CHEAP);
    let shared = Arc::new(password(SECRET));
    let stored = hasher.hash_new(Arc::clone(&shared), None).await.unwrap();
    let result = hasher.verify(Arc::clone(&shared), stored, None).await;
    assert_eq!(result, Ok(Verification::Match { outdated: false }));
}

#[test]
fn a_deadline_that_has_passed_is_busy_at_once_for_every_kind_of_call() {
    fn now_or_never<F: Future>(future: F) -> F::Output {
        match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(output) => output,
            Poll::Pending => panic!("it waits"),
        }
    }
    let hasher = hasher(CHEAP);
    let past = Some(monotonic_now());
    let stored = hasher.0.decoy.clone();
    let absurd = StoredPassword::from_phc("absurd".into());
    let new = now_or_never(hasher.hash_new(password(SECRET), past)).unwrap_err();
    assert!(matches!(new, NewPasswordError::Hash(HashError::Busy { .. })));
    for error in [
        now_or_never(hasher.verify(password(SECRET), stored, past)).unwrap_err(),
        now_or_never(hasher.verify(password(SECRET), absurd, past)).unwrap_err(),
        now_or_never(hasher.verify_decoy(None, past)).unwrap_err(),
        now_or_never(hasher.rehash(password(SECRET), past)).unwrap_err(),
    ] {
        assert!(matches!(error, HashError::Busy { .. }), "{error:?}");
    }
    assert_eq!(hasher.usage().peak_kib, 0);
}

#[test]
fn absurd_costs_and_budgets_stop_the_start() {
    let start = |memory_kib, passes, lanes, hash_memory_mib| {
        let config = HasherConfig { memory_kib, passes, lanes, hash_memory_mib };
        PasswordHasher::start(config, Arc::new(SeededEntropy::new(1))).unwrap_err()
    };
    for (memory_kib, passes, lanes) in [
        (7, 1, 1),
        (8, 0, 1),
        (8, 1, 0),
        (8, 1, 2),
        (64, 33, 1),
        (1024, 1, 17),
        ((1 << 20) + 1, 1, 1),
        (1 << 20, 5, 1),
    ] {
        let error = start(memory_kib, passes, lanes, None);
        assert!(matches!(error, HasherError::Costs(_)), "{error}");
    }
    let error = start(2048, 1, 1, Some(1));
    assert_eq!(error.to_string(), "the hash memory of 1024 KiB does not hold one hash of 2048 KiB");
}

#[tokio::test]
async fn nothing_shows_a_row() {
    let hasher = hasher(CHEAP);
    let shown = format!("{hasher:?}");
    let secret_parts = hasher.0.decoy.expose_phc().split('$').skip(4).map(str::to_owned);
    for part in secret_parts {
        assert!(!shown.contains(&part), "{shown}");
    }
}
