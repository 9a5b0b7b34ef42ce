//! What all replicas of one database must be told alike: settings, by name.

use sea_orm_migration::prelude::{ColumnDef, DbErr, DeriveMigrationName, MigrationTrait, SchemaManager};

use crate::{Migration, create_table};

#[derive(DeriveMigrationName)]
pub(crate) struct CreateClusterValues;

impl Migration for CreateClusterValues {
    fn min_reader(&self) -> i64 {
        1
    }
}

#[async_trait::async_trait]
impl MigrationTrait for CreateClusterValues {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = create_table(manager, "cluster_values")
            .col(ColumnDef::new("name").string_len(64).not_null().primary_key())
            .col(ColumnDef::new("value").text().not_null())
            .to_owned();
        manager.create_table(table).await
    }
}
