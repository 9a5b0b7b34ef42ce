//! The trust counter: the commit position of the trust log.

use sea_orm::sea_query::Query;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect, QueryTrait};

use super::entity::trust_counter::{Column, Entity};
use super::row::Row;
use super::{Store, StoreError};
use crate::domain::TrustPosition;

pub(super) const COLUMNS: [Column; 3] = [Column::Id, Column::Incarnation, Column::Sequence];
/// The id of the only row.
pub(super) const ID: i16 = 1;

impl Store {
    /// Makes sure that there is a counter, and follows it: a new one starts `incarnation` at 0, one that is there stays as it
    /// is. Drawn at random, it is also where this process's marks begin.
    pub async fn ensure_trust_counter(&self, incarnation: [u8; 16]) -> Result<(), StoreError> {
        self.marks().begin(incarnation);
        let insert = Query::insert()
            .into_table(Entity)
            .columns(COLUMNS)
            .values([ID.into(), incarnation.to_vec().into(), 0_i64.into()])
            .map_err(StoreError::unexpected)?
            .to_owned();
        self.insert_unless_there(&insert).await?;
        self.enter_incarnation(incarnation).await?;
        Ok(())
    }

    /// Where the log is.
    pub async fn lookup_trust_counter(&self) -> Result<Option<TrustPosition>, StoreError> {
        let select = Entity::find().select_only().columns(COLUMNS).filter(Column::Id.eq(ID));
        let Some(result) = self.find_in_log(&select.into_query()).await? else {
            return Ok(None);
        };
        read(&Row::new(&result, &COLUMNS, 0)).map(Some)
    }
}

/// Reads [`COLUMNS`].
pub(super) fn read(row: &Row<'_, Entity>) -> Result<TrustPosition, StoreError> {
    Ok(TrustPosition {
        incarnation: row.parse(Column::Incarnation, |bytes: Vec<u8>| <[u8; 16]>::try_from(bytes).ok())?,
        sequence: row.read(Column::Sequence)?,
    })
}
