//! Work that one of the replicas does for all: who, and until when nobody else.

use sea_orm_migration::prelude::{ColumnDef, DbErr, DeriveMigrationName, MigrationTrait, SchemaManager};

use crate::{Migration, create_table};

#[derive(DeriveMigrationName)]
pub(crate) struct CreateDuties;

impl Migration for CreateDuties {
    fn min_reader(&self) -> i64 {
        1
    }
}

#[async_trait::async_trait]
impl MigrationTrait for CreateDuties {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = create_table(manager, "duties")
            .col(ColumnDef::new("name").string_len(64).not_null().primary_key())
            .col(ColumnDef::new("holder").binary_len(16).not_null())
            .col(ColumnDef::new("until").big_integer().not_null())
            .to_owned();
        manager.create_table(table).await
    }
}
