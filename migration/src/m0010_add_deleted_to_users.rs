//! Users that were deleted: their rows stay until their names have rested. Their state is 3.

use sea_orm_migration::prelude::{ColumnDef, DbErr, DeriveMigrationName, MigrationTrait, SchemaManager};

use crate::{Migration, add_columns};

#[derive(DeriveMigrationName)]
pub(crate) struct AddDeletedToUsers;

impl Migration for AddDeletedToUsers {
    fn min_reader(&self) -> i64 {
        1
    }
}

#[async_trait::async_trait]
impl MigrationTrait for AddDeletedToUsers {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        add_columns(manager, "users", [ColumnDef::new("deleted").big_integer().null().to_owned()]).await
    }
}
