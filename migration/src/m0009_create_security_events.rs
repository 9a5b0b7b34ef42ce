//! Security events. Their users and sessions may be gone: nothing here refers to another table.

use sea_orm_migration::prelude::{
    ColumnDef, DbErr, DeriveMigrationName, Index, MigrationTrait, SchemaManager,
};

use crate::{Migration, create_table};

const USER_INDEX: &str = "security_events_user_id";

#[derive(DeriveMigrationName)]
pub(crate) struct CreateSecurityEvents;

impl Migration for CreateSecurityEvents {
    fn min_reader(&self) -> i64 {
        1
    }
}

#[async_trait::async_trait]
impl MigrationTrait for CreateSecurityEvents {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = create_table(manager, "security_events")
            // In the order of their making, so that a range of ids is a range of time.
            .col(ColumnDef::new("id").binary_len(16).not_null().primary_key())
            .col(ColumnDef::new("kind").small_integer().not_null())
            .col(ColumnDef::new("time").big_integer().not_null())
            .col(ColumnDef::new("last_time").big_integer().not_null())
            .col(ColumnDef::new("count").big_integer().not_null())
            .col(ColumnDef::new("user_id").binary_len(16).null())
            .col(ColumnDef::new("actor_id").binary_len(16).null())
            .col(ColumnDef::new("session_id").binary_len(16).null())
            .col(ColumnDef::new("peer").text().null())
            .col(ColumnDef::new("detail").text().not_null())
            .to_owned();
        manager.create_table(table).await?;
        if manager.has_index("security_events", USER_INDEX).await? {
            return Ok(());
        }
        let index =
            Index::create().name(USER_INDEX).table("security_events").col("user_id").col("id").to_owned();
        manager.create_index(index).await
    }
}
