//! Users: who can prove itself, by which password.

use sea_orm_migration::prelude::{ColumnDef, DbErr, DeriveMigrationName, MigrationTrait, SchemaManager};

use crate::{Migration, create_table};

#[derive(DeriveMigrationName)]
pub(crate) struct CreateUsers;

impl Migration for CreateUsers {
    fn min_reader(&self) -> i64 {
        1
    }
}

#[async_trait::async_trait]
impl MigrationTrait for CreateUsers {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = create_table(manager, "users")
            .col(ColumnDef::new("id").binary_len(16).not_null().primary_key())
            // 64 characters of at most four bytes; unique as bytes.
            .col(ColumnDef::new("name_mapped").var_binary(256).not_null().unique_key())
            .col(ColumnDef::new("name_shown").text().not_null())
            .col(ColumnDef::new("password_hash").text().not_null())
            // Separated by commas, which no role contains.
            .col(ColumnDef::new("roles").text().not_null())
            // 1 is active, 2 is disabled.
            .col(ColumnDef::new("state").small_integer().not_null())
            .col(ColumnDef::new("epoch").big_integer().not_null())
            .col(ColumnDef::new("created").big_integer().not_null())
            .to_owned();
        manager.create_table(table).await
    }
}
