//! The error numbers of MySQL and MariaDB, and which of them may pass (https://mariadb.com/kb/en/mariadb-error-codes/).

use sea_orm::SqlxMySqlError;
use sea_orm::sqlx::error::DatabaseError;

use super::error::Meaning;

/// What an error of MySQL or MariaDB means; `None` if it is none of theirs.
pub(super) fn meaning(error: &dyn DatabaseError) -> Option<Meaning> {
    let error = error.try_downcast_ref::<SqlxMySqlError>()?;
    Some(match error.number() {
        // ER_CHECKREAD, ER_LOCK_DEADLOCK
        1020 | 1213 => Meaning::Contention,
        // Whom it does not let in; a full disk, too many connections, a server that is stopping, locks that others hold for too long, a server that
        // may only be read, statements and connections that were killed or took too long.
        1044 | 1045 | 1129 | 1130 | 1226 | 1698 | 1021 | 1040 | 1053 | 1114 | 1203 | 1205 | 1290 | 1317
        | 1836 | 1927 | 1969 | 3024 | 4031 => Meaning::Outage,
        _ => Meaning::Defect,
    })
}
