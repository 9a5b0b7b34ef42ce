//! The trust counter: the commit position of the trust log, one row that the revoking transaction updates last.

use sea_orm_migration::prelude::{ColumnDef, DbErr, DeriveMigrationName, MigrationTrait, SchemaManager};

use crate::{Migration, create_table};

#[derive(DeriveMigrationName)]
pub(crate) struct CreateTrustCounter;

impl Migration for CreateTrustCounter {
    fn min_reader(&self) -> i64 {
        1
    }
}

#[async_trait::async_trait]
impl MigrationTrait for CreateTrustCounter {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = create_table(manager, "trust_counter")
            // Always 1.
            .col(ColumnDef::new("id").small_integer().not_null().primary_key())
            .col(ColumnDef::new("incarnation").binary_len(16).not_null())
            .col(ColumnDef::new("sequence").big_integer().not_null())
            .to_owned();
        manager.create_table(table).await
    }
}
