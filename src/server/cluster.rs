//! What all replicas of one database must be told alike: tokens of one are tokens of all, and the sessions are the same.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use crate::auth::Policy;
use crate::domain::Timestamp;
use crate::store::{Disagreement, Store, StoreError};

/// Why a replica may not join.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// It was told something else than the others.
    #[error(
        "this replica was given other settings than those of its database:{}\n\
         Give it the same, or start it once with --adopt and give them to all: replicas that run keep theirs until they are \
         started again",
        Listed(.0)
    )]
    Differs(Vec<Disagreement>),
    /// The database.
    #[error("the settings in the database cannot be read: {0}")]
    Store(#[from] StoreError),
}

/// Compares with what the database holds, and writes down what it does not hold yet. Whoever opens a file of SQLite is alone
/// with it, or was started with the same settings by the same hands: what differs is the new truth there.
pub(super) async fn join(
    store: &Store,
    policy: &Policy,
    adopt: bool,
    now: Timestamp,
) -> Result<(), ClusterError> {
    let adopt = adopt || !store.is_shared();
    let differing = store.agree_on_values(&values(policy), adopt, now).await?;
    if !differing.is_empty() && !adopt {
        return Err(ClusterError::Differs(differing));
    }
    for Disagreement { name, here, there } in differing {
        tracing::info!("the setting {name} of this database is {here} from now on, and was {there}");
    }
    Ok(())
}

/// Those of `policy` that the database holds otherwise by now, because a replica that was started later has adopted others.
pub(super) async fn left_behind(store: &Store, policy: &Policy) -> Result<Vec<String>, StoreError> {
    let there = store.lookup_cluster_values().await?;
    let differs = |name: &str, here: &str| there.get(name).is_some_and(|there| there != here);
    Ok(values(policy).into_iter().filter(|(name, here)| differs(name, here)).map(|(name, _)| name).collect())
}

/// By the names of the flags.
fn values(policy: &Policy) -> BTreeMap<String, String> {
    let span = |span: Duration| format!("{}s", span.as_secs());
    let sessions = &policy.sessions;
    [
        ("issuer", policy.issuer.clone()),
        ("audiences", policy.audiences.to_string()),
        ("token-lifetime", span(policy.lifetimes.default)),
        ("max-token-lifetime", span(policy.lifetimes.max)),
        ("session-idle-limit", span(sessions.idle)),
        ("session-absolute-limit", span(sessions.absolute)),
        ("max-sessions-per-user", sessions.per_user.unwrap_or(0).to_string()),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect()
}

struct Listed<'a>(&'a [Disagreement]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|Disagreement { name, here, there }| {
            write!(f, "\n  --{name} is {here} here and {there} there")
        })
    }
}
