//! The histories that are walked.

use std::collections::BTreeSet;

use super::walk::Walk;
use super::world::{DAY, HOUR, Limits};
use crate::harness::asked;

/// How many steps all walks have together, and their first seed, if nothing else is asked for.
const STEPS: usize = 4000;
const SEED: u64 = 20_260_101;
/// How many steps there are between two checks of everything.
const BETWEEN: usize = 16;

/// What the walks of each test must have met, or they prove less than they seem to.
const TO_BE_MET: [(&str, &[&str]); 16] = [
    ("ChangePassword", &["ok", "CREDENTIALS_INVALID", "FIELD_INVALID"]),
    ("CreateResetCode", &["ok", "ROLE_REQUIRED"]),
    ("CreateUser", &["ok", "USERNAME_TAKEN"]),
    ("DeleteUser", &["ok", "CREDENTIALS_INVALID"]),
    ("DisableUser", &["ok", "LAST_ADMIN"]),
    ("EnableUser", &["ok"]),
    ("GetUser", &["ok", "ROLE_REQUIRED"]),
    ("Greet", &["ok", "TOKEN_EXPIRED", "TOKEN_REVOKED"]),
    ("IssueToken", &["ok", "CREDENTIALS_INVALID", "FIELD_INVALID", "TOKEN_EXPIRED", "TOKEN_REVOKED"]),
    ("ListSessions", &["ok", "ROLE_REQUIRED"]),
    (
        "RefreshToken",
        &["ok", "FIELD_INVALID", "REFRESH_TOKEN_REUSED", "TOKEN_EXPIRED", "TOKEN_INVALID", "TOKEN_REVOKED"],
    ),
    ("ResetPassword", &["ok", "CREDENTIALS_INVALID"]),
    ("RevokeAllSessions", &["ok", "FIELD_INVALID", "ROLE_REQUIRED"]),
    ("RevokeSession", &["ok", "SESSION_NOT_FOUND"]),
    ("RevokeToken", &["ok"]),
    ("SetRoles", &["ok", "ROLE_REQUIRED"]),
];

/// A walk with each of two seeds, from `first` on; with the one that was asked for alone, if one was.
async fn walk(limits: Limits, first: u64) {
    let steps = asked("COUNTERSIGN_MODEL_STEPS").map_or(STEPS, |steps| usize::try_from(steps).unwrap());
    let seed = asked("COUNTERSIGN_MODEL_SEED");
    let seeds = seed.map_or(vec![first, first + 1], |seed| vec![seed]);
    let mut met = BTreeSet::new();
    for seed in &seeds {
        let mut walk = Walk::begin(*seed, limits).await;
        for step in 0..steps / 2 / seeds.len() {
            walk.step().await;
            walk.check_something().await;
            if step % BETWEEN == 0 {
                walk.check_everything().await;
            }
        }
        walk.check_everything().await;
        met.extend(walk.end().await);
    }
    if seed.is_none() && steps >= STEPS {
        let wanted =
            TO_BE_MET.iter().flat_map(|(call, answers)| answers.iter().map(move |answer| (*call, *answer)));
        let met = |(call, answer): &(&str, &str)| met.contains(&((*call).to_owned(), (*answer).to_owned()));
        let missing: Vec<_> = wanted.filter(|pair| !met(pair)).collect();
        assert!(missing.is_empty(), "the walks never met {missing:?}");
    }
}

#[tokio::test]
async fn server_and_model_agree_with_the_limits_of_a_fresh_service() {
    walk(Limits { idle: 7 * DAY, absolute: 30 * DAY, per_user: 4 }, SEED).await;
}

#[tokio::test]
async fn server_and_model_agree_where_sessions_are_short() {
    walk(Limits { idle: 2 * HOUR, absolute: 5 * HOUR, per_user: 3 }, SEED + 4).await;
}
