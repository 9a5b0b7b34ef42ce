//! SQLite's error codes, and which of them may pass.

use sea_orm::SqlxSqliteError;
use sea_orm::sqlx::error::DatabaseError;

// Primary result codes, https://sqlite.org/rescode.html
pub(super) const PERM: i32 = 3;
pub(super) const BUSY: i32 = 5;
const LOCKED: i32 = 6;
pub(super) const READONLY: i32 = 8;
const IOERR: i32 = 10;
const FULL: i32 = 13;
pub(super) const CANTOPEN: i32 = 14;
pub(super) const NOTADB: i32 = 26;

/// Whether the same statement may succeed later.
pub(super) fn is_outage(error: &dyn DatabaseError) -> bool {
    matches!(primary_code(error), Some(PERM | BUSY | LOCKED | READONLY | IOERR | FULL | CANTOPEN))
}

/// The code without its extension, which is in the upper bits.
pub(super) fn primary_code(error: &dyn DatabaseError) -> Option<i32> {
    let error = error.try_downcast_ref::<SqlxSqliteError>()?;
    let code: i32 = DatabaseError::code(error)?.parse().ok()?;
    Some(code & 0xff)
}
