//! The trust counter: the commit position of the trust log.

use sea_orm::sea_query::Query;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect, QueryTrait};

use super::entity::trust_counter::{Column, Entity};
use super::row::Row;
use super::{Store, StoreError};
use crate::domain::TrustPosition;

const COLUMNS: [Column; 3] = [Column::Id, Column::Incarnation, Column::Sequence];
/// The id of the only row.
pub(super) const ID: i16 = 1;

impl Store {
    /// Makes sure that there is a counter, and follows it: a new one starts `incarnation` at 0, one that is there stays as it
    /// is.
    pub async fn ensure_trust_counter(&self, incarnation: [u8; 16]) -> Result<(), StoreError> {
        let insert = Query::insert()
            .into_table(Entity)
            .columns(COLUMNS)
            .values([ID.into(), incarnation.to_vec().into(), 0_i64.into()])
            .map_err(StoreError::unexpected)?
            .to_owned();
        self.insert_unless_there(&insert).await?;
        self.enter_incarnation(incarnation).await
    }

    /// Where the log is.
    pub async fn lookup_trust_counter(&self) -> Result<Option<TrustPosition>, StoreError> {
        let select = Entity::find().select_only().columns(COLUMNS).filter(Column::Id.eq(ID));
        let Some(result) = self.find_in_log(&select.into_query()).await? else {
            return Ok(None);
        };
        let row = Row::<Entity>::new(&result, &COLUMNS, 0);
        Ok(Some(TrustPosition {
            incarnation: row.parse(Column::Incarnation, |bytes: Vec<u8>| <[u8; 16]>::try_from(bytes).ok())?,
            sequence: row.read(Column::Sequence)?,
        }))
    }
}
