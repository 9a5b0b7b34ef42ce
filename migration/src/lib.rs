//! The database schema of Countersign, one file a change. A file is never edited after its release: a database that has
//! run it will not run it again.
//!
//! The rules for a new one:
//! - one table each, and every statement can be run again: MySQL commits each by itself, so that a crash in the middle
//!   leaves half of them done;
//! - ids are `BINARY(16)` and hold a UUIDv7's bytes: PostgreSQL alone has a type for UUIDs, while bytes are compared
//!   alike everywhere and keep the order of the ids' making, without a collation and at less than half of the text's
//!   size;
//! - what must be unique as bytes is binary too (MySQL's collations would join names that differ);
//! - times are milliseconds since the Unix epoch in a `BIGINT`.
//!
//! Who runs them, and under which lock, is the server's business (`store/schema.rs`).

#![expect(
    elided_lifetimes_in_paths,
    reason = "async_trait takes an implementation only in the trait's own spelling, which elides"
)]

mod m0001_create_users;
mod m0002_create_sessions;
mod m0003_create_key_ring;
mod m0004_create_trust_counter;
mod m0005_add_refresh_to_sessions;
mod m0006_create_revocations;
mod m0007_create_server_key;
mod m0008_create_reset_codes;
mod m0009_create_security_events;
mod m0010_add_endings_to_users;
mod m0011_create_cluster_values;
mod m0012_create_duties;
mod m0013_create_origin;
mod m0014_create_replicas;
mod m0015_create_verifier_leases;
mod m0016_create_trust_marks;

pub use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager, async_trait};

use sea_orm_migration::prelude::{ColumnDef, DbErr, Table, TableCreateStatement};
use sea_orm_migration::sea_orm::DbBackend;

/// One change of the schema.
pub trait Migration: MigrationTrait {
    /// The number of the newest migration that a program must know to run on a database that has this one. 1 for what
    /// older programs do not notice (a new table, a column with a default): they go on while newer ones are rolled out.
    fn min_reader(&self) -> i64;
}

/// All changes, oldest first. The number of a migration is its place here, counted from 1; its name starts with it.
#[must_use]
pub fn migrations() -> Vec<Box<dyn Migration>> {
    vec![
        Box::new(m0001_create_users::CreateUsers),
        Box::new(m0002_create_sessions::CreateSessions),
        Box::new(m0003_create_key_ring::CreateKeyRing),
        Box::new(m0004_create_trust_counter::CreateTrustCounter),
        Box::new(m0005_add_refresh_to_sessions::AddRefreshToSessions),
        Box::new(m0006_create_revocations::CreateRevocations),
        Box::new(m0007_create_server_key::CreateServerKey),
        Box::new(m0008_create_reset_codes::CreateResetCodes),
        Box::new(m0009_create_security_events::CreateSecurityEvents),
        Box::new(m0010_add_endings_to_users::AddEndingsToUsers),
        Box::new(m0011_create_cluster_values::CreateClusterValues),
        Box::new(m0012_create_duties::CreateDuties),
        Box::new(m0013_create_origin::CreateOrigin),
        Box::new(m0014_create_replicas::CreateReplicas),
        Box::new(m0015_create_verifier_leases::CreateVerifierLeases),
        Box::new(m0016_create_trust_marks::CreateTrustMarks),
    ]
}

/// The beginning of `CREATE TABLE IF NOT EXISTS name`. MySQL is told what the others do by themselves: transactions,
/// all of Unicode, and texts that are equal only when their bytes are.
fn create_table(manager: &SchemaManager<'_>, name: &'static str) -> TableCreateStatement {
    let mut table = Table::create();
    table.table(name).if_not_exists();
    if manager.get_database_backend() == DbBackend::MySql {
        table.engine("InnoDB").character_set("utf8mb4").collate("utf8mb4_bin");
    }
    table
}

/// Adds those of `columns` that `table` does not have yet, one statement each: SQLite takes no more at once.
async fn add_columns(
    manager: &SchemaManager<'_>,
    table: &'static str,
    columns: impl IntoIterator<Item = ColumnDef>,
) -> Result<(), DbErr> {
    for column in columns {
        if !manager.has_column(table, column.get_column_name()).await? {
            manager.alter_table(Table::alter().table(table).add_column(column).to_owned()).await?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_starts_with_its_number() {
        for (index, migration) in migrations().iter().enumerate() {
            let number = format!("m{:04}_", index + 1);
            assert!(migration.name().starts_with(&number), "{}", migration.name());
        }
    }

    #[test]
    fn no_migration_asks_for_a_reader_from_after_itself() {
        for (index, migration) in migrations().iter().enumerate() {
            let number = i64::try_from(index + 1).unwrap();
            assert!((1..=number).contains(&migration.min_reader()), "{}", migration.name());
        }
    }
}
