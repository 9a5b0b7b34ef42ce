//! What outlives the process: users, sessions, the key ring and the trust counter, in one database.
//!
//! - A call reads and writes domain types; what a row holds goes through their parsers, and a row that does not is
//!   [`StoreError::Damaged`].
//! - Races are settled by the database: an insert by its unique constraint, an update by the rows that it touched.
//! - A write that has begun runs to its end, also when its caller is gone; one that has not begun by then does not.
//! - The statements are the same on every database; what only SQLite knows is in `sqlite` and `sqlite_code`.

mod config;
mod database;
mod entity;
mod error;
mod file_identity;
mod keys;
mod row;
mod schema;
mod sessions;
mod sqlite;
mod sqlite_code;
mod trust_counter;
mod users;

#[cfg(test)]
mod conformance;

pub use config::{DatabaseUrl, DatabaseUrlError, StoreConfig};
pub use database::Store;
pub use error::{InsertUserError, OpenError, StoreError};
pub use keys::StoredRing;
pub use trust_counter::TrustPosition;
