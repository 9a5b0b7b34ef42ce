//! Which replica each verifier watches, or watched last.

use sea_orm_migration::prelude::{
    ColumnDef, DbErr, DeriveMigrationName, Index, MigrationTrait, SchemaManager,
};

use crate::{Migration, create_table};

const REPLICA_INDEX: &str = "verifier_leases_replica";

#[derive(DeriveMigrationName)]
pub(crate) struct CreateVerifierLeases;

impl Migration for CreateVerifierLeases {
    fn min_reader(&self) -> i64 {
        1
    }
}

#[async_trait::async_trait]
impl MigrationTrait for CreateVerifierLeases {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = create_table(manager, "verifier_leases")
            // What a verifier's process is known by when it is back, here or at another replica: its user's id, and what it drew.
            .col(ColumnDef::new("id").binary_len(32).not_null().primary_key())
            .col(ColumnDef::new("replica").binary_len(16).not_null())
            .col(ColumnDef::new("instance").string_len(64).not_null())
            // NULL while it watches; else what it had applied (NULL is nothing), and until when it may accept tokens by that.
            .col(ColumnDef::new("away_incarnation").binary_len(16).null())
            .col(ColumnDef::new("away_applied").big_integer().null())
            .col(ColumnDef::new("away_until").big_integer().null())
            .to_owned();
        manager.create_table(table).await?;
        if manager.has_index("verifier_leases", REPLICA_INDEX).await? {
            return Ok(());
        }
        let index = Index::create().name(REPLICA_INDEX).table("verifier_leases").col("replica").to_owned();
        manager.create_index(index).await
    }
}
