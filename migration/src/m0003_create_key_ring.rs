//! The key ring: one versioned row, changed by compare-and-set, so that two replicas cannot rotate twice.

use sea_orm_migration::prelude::{ColumnDef, DbErr, DeriveMigrationName, MigrationTrait, SchemaManager};

use crate::{Migration, create_table};

#[derive(DeriveMigrationName)]
pub(crate) struct CreateKeyRing;

impl Migration for CreateKeyRing {
    fn min_reader(&self) -> i64 {
        1
    }
}

#[async_trait::async_trait]
impl MigrationTrait for CreateKeyRing {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = create_table(manager, "key_ring")
            // Always 1.
            .col(ColumnDef::new("id").small_integer().not_null().primary_key())
            .col(ColumnDef::new("version").big_integer().not_null())
            // The private keys in it are wrapped.
            .col(ColumnDef::new("document").text().not_null())
            .to_owned();
        manager.create_table(table).await
    }
}
