//! What each replica says of the verifiers that watch it.

use sea_orm_migration::prelude::{ColumnDef, DbErr, DeriveMigrationName, MigrationTrait, SchemaManager};

use crate::{Migration, create_table};

#[derive(DeriveMigrationName)]
pub(crate) struct CreateReplicas;

impl Migration for CreateReplicas {
    /// A program that does not write it is one whose verifiers nobody waits for, as before.
    fn min_reader(&self) -> i64 {
        1
    }
}

#[async_trait::async_trait]
impl MigrationTrait for CreateReplicas {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = create_table(manager, "replicas")
            .col(ColumnDef::new("id").binary_len(16).not_null().primary_key())
            .col(ColumnDef::new("incarnation").binary_len(16).not_null())
            // Up to where it knows the log itself.
            .col(ColumnDef::new("position").big_integer().not_null())
            // Up to where all its verifiers do; NULL while one knows nothing.
            .col(ColumnDef::new("applied").big_integer().null())
            // How many do not know all that it knows, and the names of some of them, a line each.
            .col(ColumnDef::new("lacking").big_integer().not_null())
            .col(ColumnDef::new("lacking_names").text().not_null())
            // Later none of them accepts anything by what it knew, if it is heard of no more.
            .col(ColumnDef::new("until").big_integer().not_null())
            // Beside them, how many were lost whose places others have taken, and until when these may accept tokens; NULL is none.
            .col(ColumnDef::new("displaced").big_integer().null())
            .col(ColumnDef::new("displaced_until").big_integer().null())
            .to_owned();
        manager.create_table(table).await
    }
}
