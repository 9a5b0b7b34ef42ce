//! Sessions: what a password opens and all its tokens belong to.

use sea_orm_migration::prelude::{
    ColumnDef, DbErr, DeriveMigrationName, ForeignKey, Index, MigrationTrait, SchemaManager,
};

use crate::{Migration, create_table};

const USER_INDEX: &str = "sessions_user_id";

#[derive(DeriveMigrationName)]
pub(crate) struct CreateSessions;

impl Migration for CreateSessions {
    fn min_reader(&self) -> i64 {
        1
    }
}

#[async_trait::async_trait]
impl MigrationTrait for CreateSessions {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = create_table(manager, "sessions")
            .col(ColumnDef::new("id").binary_len(16).not_null().primary_key())
            .col(ColumnDef::new("user_id").binary_len(16).not_null())
            .col(ColumnDef::new("amr").text().not_null())
            .col(ColumnDef::new("auth_time").big_integer().not_null())
            .col(ColumnDef::new("created").big_integer().not_null())
            .col(ColumnDef::new("used").big_integer().not_null())
            .col(ColumnDef::new("expires").big_integer().not_null())
            .col(ColumnDef::new("ended").big_integer().null())
            .foreign_key(
                ForeignKey::create().name("sessions_user").from("sessions", "user_id").to("users", "id"),
            )
            .to_owned();
        manager.create_table(table).await?;
        // MySQL has no CREATE INDEX IF NOT EXISTS.
        if manager.has_index("sessions", USER_INDEX).await? {
            return Ok(());
        }
        let index = Index::create().name(USER_INDEX).table("sessions").col("user_id").to_owned();
        manager.create_index(index).await
    }
}
