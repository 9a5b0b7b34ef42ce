//! What the commits of the trust log are recognised by: a mark for each number at which one ended.

use sea_orm_migration::prelude::{ColumnDef, DbErr, DeriveMigrationName, MigrationTrait, SchemaManager};

use crate::{Migration, create_table};

#[derive(DeriveMigrationName)]
pub(crate) struct CreateTrustMarks;

impl Migration for CreateTrustMarks {
    /// What older programs commit has no mark, and is believed without one.
    fn min_reader(&self) -> i64 {
        1
    }
}

#[async_trait::async_trait]
impl MigrationTrait for CreateTrustMarks {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = create_table(manager, "trust_marks")
            .col(ColumnDef::new("sequence").big_integer().not_null().primary_key())
            .col(ColumnDef::new("mark").big_integer().not_null())
            .to_owned();
        manager.create_table(table).await
    }
}
