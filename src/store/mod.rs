//! What outlives the process: users, sessions, keys, the trust log and security events, in one database.
//!
//! - A call reads and writes domain types; what a row holds goes through their parsers, and a row that does not is
//!   [`StoreError::Damaged`].
//! - Races are settled by the database: an insert by its unique constraint, an update by the rows that it touched.
//! - A write that has begun runs to its end, also when its caller is gone; one that has not begun by then does not.
//! - What is revoked stands in the trust log, and is felt by every check of a token before anybody is told.
//! - The statements are the same on every database; what differs is behind `engine`: `sqlite` and `database_server`, and
//!   what their errors mean in `sqlite_code`, `postgres_code` and `mysql_code`.

mod accounts;
mod answers;
mod backup;
mod changes;
mod check;
mod cluster_values;
mod config;
mod database;
mod database_server;
mod database_url;
mod duties;
mod endings;
mod engine;
mod entity;
mod error;
mod events;
mod faults;
mod fence;
mod file_identity;
mod key_revocation;
mod keys;
mod lease_report;
mod maintenance;
mod mysql_code;
mod origin;
mod patience;
mod plan;
mod postgres_code;
mod proof;
mod purge;
mod refresh;
mod reset_codes;
mod restore;
mod row;
mod schema;
mod server_key;
mod sessions;
mod sqlite;
mod sqlite_code;
mod time_limits;
mod transaction;
mod trust_counter;
mod trust_log;
mod trust_marks;
mod trust_state;
mod turns;
mod user_lookups;
mod users;
mod verifier_leases;

#[cfg(test)]
mod conformance;

pub use backup::{BackupError, back_up};
pub use changes::Changes;
pub use check::{Finding, Findings, Pass};
pub use cluster_values::Disagreement;
pub use config::StoreConfig;
pub use database::Store;
pub use database_url::{DatabaseUrl, DatabaseUrlError};
pub use endings::Whose;
pub use error::{ActError, OpenError, StoreError};
pub use faults::{Fault, Faults};
pub use fence::{Fence, Fenced};
pub use key_revocation::KeyRevocation;
pub use keys::StoredRing;
pub use lease_report::{Away, LeaseChanges, LeaseKey, LeaseReport, LeasesElsewhere, ReplicaId, SharedLease};
pub use maintenance::Maintenance;
pub use plan::{PlannedChange, plan};
pub use purge::PurgeCursor;
pub use refresh::{Refreshable, Rotation};
pub use restore::restore;
pub use server_key::StoredServerKey;
pub use sessions::NewSession;
pub use trust_log::Followed;
pub use trust_state::{TrustNews, TrustState};
