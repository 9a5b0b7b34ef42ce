//! Users that were deleted: their rows stay until their names have rested. Their state is 3. And how often the epoch was
//! raised only to save room.

use sea_orm_migration::prelude::{ColumnDef, DbErr, DeriveMigrationName, MigrationTrait, SchemaManager};

use crate::{Migration, add_columns};

#[derive(DeriveMigrationName)]
pub(crate) struct AddEndingsToUsers;

impl Migration for AddEndingsToUsers {
    fn min_reader(&self) -> i64 {
        1
    }
}

#[async_trait::async_trait]
impl MigrationTrait for AddEndingsToUsers {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let columns = [
            ColumnDef::new("deleted").big_integer().null().to_owned(),
            ColumnDef::new("collapses").big_integer().not_null().default(0).to_owned(),
        ];
        add_columns(manager, "users", columns).await
    }
}
