//! The server key, which refresh tokens, reset codes and page tokens are made with: one row.

use sea_orm_migration::prelude::{ColumnDef, DbErr, DeriveMigrationName, MigrationTrait, SchemaManager};

use crate::{Migration, create_table};

#[derive(DeriveMigrationName)]
pub(crate) struct CreateServerKey;

impl Migration for CreateServerKey {
    fn min_reader(&self) -> i64 {
        1
    }
}

#[async_trait::async_trait]
impl MigrationTrait for CreateServerKey {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = create_table(manager, "server_key")
            // Always 1.
            .col(ColumnDef::new("id").small_integer().not_null().primary_key())
            .col(ColumnDef::new("version").big_integer().not_null())
            // `k4.local-wrap.pie.…`
            .col(ColumnDef::new("wrapped_key").text().not_null())
            // `k4.lid.…`
            .col(ColumnDef::new("wrapped_by").text().not_null())
            .to_owned();
        manager.create_table(table).await
    }
}
