//! The stored key ring: one versioned document. What is in it is not this floor's to know.

use std::fmt;

use sea_orm::sea_query::Query;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect, QueryTrait};

use super::entity::key_ring::{Column, Entity};
use super::row::Row;
use super::{Store, StoreError};
use crate::domain::Timestamp;

const COLUMNS: [Column; 3] = [Column::Id, Column::Version, Column::Document];
const VERSION: [Column; 1] = [Column::Version];
/// The id of the only row.
const ID: i16 = 1;
/// The version of a ring that was never replaced.
const FIRST_VERSION: i64 = 1;

/// The key ring as the database holds it. Its private keys are wrapped; `Debug` does not show them all the same.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredRing {
    /// Raised by one whenever the ring is replaced.
    pub version: i64,
    /// The ring.
    pub document: String,
}

impl Store {
    /// The key ring, if there is one yet.
    pub async fn lookup_ring(&self) -> Result<Option<StoredRing>, StoreError> {
        let select = Entity::find().select_only().columns(COLUMNS).filter(Column::Id.eq(ID));
        let Some(result) = self.find(&select.into_query()).await? else {
            return Ok(None);
        };
        let row = Row::<Entity>::new(&result, &COLUMNS, 0);
        Ok(Some(StoredRing { version: row.read(Column::Version)?, document: row.read(Column::Document)? }))
    }

    /// Inserts the first ring, as version 1. False if another process was first.
    pub async fn insert_ring(&self, document: &str) -> Result<bool, StoreError> {
        let insert = Query::insert()
            .into_table(Entity)
            .columns(COLUMNS)
            .values([ID.into(), FIRST_VERSION.into(), document.into()])
            .map_err(StoreError::unexpected)?
            .to_owned();
        self.insert_unless_there(&insert).await
    }

    /// Replaces the ring of version `expected` by the next one. False, and nothing is written, if the ring has another
    /// version by now.
    pub async fn replace_ring(
        &self,
        expected: i64,
        document: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let document = document.to_owned();
        self.transact(now, move |transaction| {
            let document = document.clone();
            Box::pin(async move { Ok(transaction.replace_ring(expected, &document).await?) })
        })
        .await
    }

    /// The version of the ring, if there is one: whether it is worth reading again.
    pub async fn lookup_ring_version(&self) -> Result<Option<i64>, StoreError> {
        let select = Entity::find().select_only().columns(VERSION).filter(Column::Id.eq(ID));
        let found = self.find_in_log(&select.into_query()).await?;
        found.map(|result| Row::<Entity>::new(&result, &VERSION, 0).read(Column::Version)).transpose()
    }
}

impl fmt::Debug for StoredRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StoredRing(version {})", self.version)
    }
}
