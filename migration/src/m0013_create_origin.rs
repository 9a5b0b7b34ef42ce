//! Where the database came to be, and whether it is a copy that nobody may serve before it is fenced: one row.

use sea_orm_migration::prelude::{ColumnDef, DbErr, DeriveMigrationName, MigrationTrait, SchemaManager};

use crate::{Migration, create_table};

#[derive(DeriveMigrationName)]
pub(crate) struct CreateOrigin;

impl Migration for CreateOrigin {
    /// A program that does not read it goes on where it is. In a backup the note of this change says 13: there it would
    /// believe what was revoked since.
    fn min_reader(&self) -> i64 {
        1
    }
}

#[async_trait::async_trait]
impl MigrationTrait for CreateOrigin {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = create_table(manager, "origin")
            // Always 1.
            .col(ColumnDef::new("id").small_integer().not_null().primary_key())
            // 1 is a copy that must be fenced, 0 is none.
            .col(ColumnDef::new("must_be_fenced").small_integer().not_null())
            // What PostgreSQL tells its clusters and databases apart by; NULL is unknown.
            .col(ColumnDef::new("system_identifier").big_integer().null())
            .col(ColumnDef::new("database_oid").big_integer().null())
            .to_owned();
        manager.create_table(table).await
    }
}
