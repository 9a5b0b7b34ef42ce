//! The stored server key: one row, wrapped. What is in it is not this floor's to know.

use std::fmt;

use sea_orm::sea_query::{Expr, ExprTrait, Query};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect, QueryTrait};

use super::entity::server_key::{Column, Entity};
use super::row::Row;
use super::{Store, StoreError};

const COLUMNS: [Column; 4] = [Column::Id, Column::Version, Column::WrappedKey, Column::WrappedBy];
/// The id of the only row.
const ID: i16 = 1;
/// The version of a key that was never replaced.
const FIRST_VERSION: i64 = 1;

/// The server key as the database holds it; `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredServerKey {
    /// The key, `k4.local-wrap.pie.…`.
    pub wrapped_key: String,
    /// The id of the master key that unwraps it, `k4.lid.…`.
    pub wrapped_by: String,
}

impl Store {
    /// The server key, if there is one yet.
    pub async fn lookup_server_key(&self) -> Result<Option<StoredServerKey>, StoreError> {
        let select = Entity::find().select_only().columns(COLUMNS).filter(Column::Id.eq(ID));
        let Some(result) = self.find(&select.into_query()).await? else {
            return Ok(None);
        };
        let row = Row::<Entity>::new(&result, &COLUMNS, 0);
        Ok(Some(StoredServerKey {
            wrapped_key: row.read(Column::WrappedKey)?,
            wrapped_by: row.read(Column::WrappedBy)?,
        }))
    }

    /// Replaces `old` by `new`. False, and nothing is written, if another one is there by now.
    pub async fn replace_server_key(
        &self,
        old: &StoredServerKey,
        new: &StoredServerKey,
    ) -> Result<bool, StoreError> {
        let update = Query::update()
            .table(Entity)
            .value(Column::Version, Expr::col(Column::Version).add(1_i64))
            .value(Column::WrappedKey, new.wrapped_key.as_str())
            .value(Column::WrappedBy, new.wrapped_by.as_str())
            .and_where(Expr::col(Column::WrappedKey).eq(old.wrapped_key.as_str()))
            .to_owned();
        Ok(self.execute(&update).await? == 1)
    }

    /// Inserts the first server key. False if another process was first.
    pub async fn insert_server_key(&self, key: &StoredServerKey) -> Result<bool, StoreError> {
        let insert = Query::insert()
            .into_table(Entity)
            .columns(COLUMNS)
            .values([
                ID.into(),
                FIRST_VERSION.into(),
                key.wrapped_key.as_str().into(),
                key.wrapped_by.as_str().into(),
            ])
            .map_err(StoreError::unexpected)?
            .to_owned();
        self.insert_unless_there(&insert).await
    }
}

impl fmt::Debug for StoredServerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StoredServerKey(wrapped by {})", self.wrapped_by)
    }
}
