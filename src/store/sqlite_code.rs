//! SQLite's error codes, and which of them may pass.

use sea_orm::SqlxSqliteError;
use sea_orm::sqlx::error::DatabaseError;

use super::error::Meaning;

// Primary result codes, https://sqlite.org/rescode.html
pub(super) const PERM: i32 = 3;
pub(super) const BUSY: i32 = 5;
const LOCKED: i32 = 6;
pub(super) const READONLY: i32 = 8;
const IOERR: i32 = 10;
const FULL: i32 = 13;
pub(super) const CANTOPEN: i32 = 14;
pub(super) const NOTADB: i32 = 26;

/// What an error of SQLite means; `None` if it is none of its own. A lock was waited for already: it is no contention.
pub(super) fn meaning(error: &dyn DatabaseError) -> Option<Meaning> {
    let code = primary_code(error)?;
    let outage = matches!(code, PERM | BUSY | LOCKED | READONLY | IOERR | FULL | CANTOPEN);
    Some(if outage { Meaning::Outage } else { Meaning::Defect })
}

/// The code without its extension, which is in the upper bits.
pub(super) fn primary_code(error: &dyn DatabaseError) -> Option<i32> {
    let error = error.try_downcast_ref::<SqlxSqliteError>()?;
    let code: i32 = DatabaseError::code(error)?.parse().ok()?;
    Some(code & 0xff)
}
