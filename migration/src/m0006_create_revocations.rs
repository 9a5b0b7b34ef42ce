//! The trust log: every revocation, by its commit position, until the last token that it hits has expired.

use sea_orm_migration::prelude::{
    ColumnDef, DbErr, DeriveMigrationName, Index, MigrationTrait, SchemaManager,
};

use crate::{Migration, create_table};

const USER_INDEX: &str = "revocations_user_id";

#[derive(DeriveMigrationName)]
pub(crate) struct CreateRevocations;

impl Migration for CreateRevocations {
    /// A program that does not read the log would go on believing tokens that were revoked.
    fn min_reader(&self) -> i64 {
        6
    }
}

#[async_trait::async_trait]
impl MigrationTrait for CreateRevocations {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = create_table(manager, "revocations")
            .col(ColumnDef::new("sequence").big_integer().not_null().primary_key())
            // 1 is a user's epoch, 2 a session, 3 a key.
            .col(ColumnDef::new("kind").small_integer().not_null())
            .col(ColumnDef::new("user_id").binary_len(16).null())
            .col(ColumnDef::new("below_epoch").big_integer().null())
            .col(ColumnDef::new("session_id").binary_len(16).null())
            // `k4.pid.…`
            .col(ColumnDef::new("key_id").text().null())
            .col(ColumnDef::new("forget_at").big_integer().not_null())
            .to_owned();
        manager.create_table(table).await?;
        if manager.has_index("revocations", USER_INDEX).await? {
            return Ok(());
        }
        let index = Index::create().name(USER_INDEX).table("revocations").col("user_id").to_owned();
        manager.create_index(index).await
    }
}
