//! Reset codes: at most one a user.

use sea_orm_migration::prelude::{ColumnDef, DbErr, DeriveMigrationName, MigrationTrait, SchemaManager};

use crate::{Migration, create_table};

#[derive(DeriveMigrationName)]
pub(crate) struct CreateResetCodes;

impl Migration for CreateResetCodes {
    fn min_reader(&self) -> i64 {
        1
    }
}

#[async_trait::async_trait]
impl MigrationTrait for CreateResetCodes {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = create_table(manager, "reset_codes")
            .col(ColumnDef::new("user_id").binary_len(16).not_null().primary_key())
            .col(ColumnDef::new("code_hash").binary_len(32).not_null())
            .col(ColumnDef::new("expires").big_integer().not_null())
            .to_owned();
        manager.create_table(table).await
    }
}
