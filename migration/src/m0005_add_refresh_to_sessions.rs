//! Sessions that can be refreshed: the hashes of two refresh tokens, how long access tokens live, and from where.

use sea_orm_migration::prelude::{ColumnDef, DbErr, DeriveMigrationName, MigrationTrait, SchemaManager};

use crate::{Migration, add_columns};

#[derive(DeriveMigrationName)]
pub(crate) struct AddRefreshToSessions;

impl Migration for AddRefreshToSessions {
    fn min_reader(&self) -> i64 {
        1
    }
}

#[async_trait::async_trait]
impl MigrationTrait for AddRefreshToSessions {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let columns = [
            // 0 is a session without refresh tokens.
            ColumnDef::new("generation").big_integer().not_null().default(0).to_owned(),
            ColumnDef::new("current_hash").binary_len(32).null().to_owned(),
            ColumnDef::new("spent_hash").binary_len(32).null().to_owned(),
            ColumnDef::new("retry_hash").binary_len(32).null().to_owned(),
            ColumnDef::new("salt").binary_len(32).null().to_owned(),
            // NULL, from before this change, is the session's own end.
            ColumnDef::new("tokens_until").big_integer().null().to_owned(),
            ColumnDef::new("user_agent").text().null().to_owned(),
            ColumnDef::new("peer").text().null().to_owned(),
        ];
        add_columns(manager, "sessions", columns).await
    }
}
