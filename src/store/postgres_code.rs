//! PostgreSQL's error codes, and which of them may pass (https://www.postgresql.org/docs/15/errcodes-appendix.html).

use sea_orm::SqlxPostgresError;
use sea_orm::sqlx::error::DatabaseError;

use super::error::Meaning;

/// What an error of PostgreSQL means; `None` if it is none of its own.
pub(super) fn meaning(error: &dyn DatabaseError) -> Option<Meaning> {
    let error = error.try_downcast_ref::<SqlxPostgresError>()?;
    Some(match error.code() {
        // serialization_failure, deadlock_detected
        "40001" | "40P01" => Meaning::Contention,
        // Class 08 is the connection, 28 who may come in, 53 resources, 57 the operator and time limits, 58 the system; then
        // idle_in_transaction_session_timeout, lock_not_available, and a server that has become a standby.
        code if ["08", "28", "53", "57", "58"].iter().any(|class| code.starts_with(class)) => Meaning::Outage,
        "25P03" | "55P03" | "25006" => Meaning::Outage,
        _ => Meaning::Defect,
    })
}
