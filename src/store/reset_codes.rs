//! Reset codes: hashes, at most one a user, good until they expire, are spent or discarded.

use sea_orm::sea_query::{Expr, ExprTrait, OnConflict, Query};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect, QueryTrait};

use super::entity::reset_codes::{Column, Entity};
use super::row::bytes;
use super::transaction::Transaction;
use super::{ActError, Store, StoreError};
use crate::domain::{Act, EventKind, Timestamp, TokenHash, UserId};

impl Store {
    /// Keeps a new code for a user, in the place of an older one.
    pub async fn insert_reset_code(
        &self,
        id: UserId,
        code: TokenHash,
        expires: Timestamp,
        act: &Act,
    ) -> Result<(), ActError> {
        self.perform(act, id, move |transaction, act| {
            Box::pin(async move {
                transaction.require_user(id).await?;
                let insert = Query::insert()
                    .into_table(Entity)
                    .columns([Column::UserId, Column::CodeHash, Column::Expires])
                    .values([
                        Expr::val(bytes(id.as_uuid())),
                        Expr::val(code.as_bytes().to_vec()),
                        Expr::val(expires.as_millis()),
                    ])
                    .map_err(StoreError::unexpected)?
                    .on_conflict(
                        OnConflict::column(Column::UserId)
                            .update_columns([Column::CodeHash, Column::Expires])
                            .to_owned(),
                    )
                    .to_owned();
                transaction.execute(&insert).await?;
                transaction.insert_event(&act.event(EventKind::ResetCodeCreated, Some(id))).await?;
                Ok(())
            })
        })
        .await
    }

    /// Whether a code is good at `now`. Spending it decides; this spares a hash.
    pub async fn has_reset_code(
        &self,
        id: UserId,
        code: TokenHash,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let select = Entity::find()
            .select_only()
            .column(Column::UserId)
            .filter(Column::UserId.eq(bytes(id.as_uuid())))
            .filter(Column::CodeHash.eq(code.as_bytes().to_vec()))
            .filter(Column::Expires.gt(now.as_millis()));
        Ok(self.find(&select.into_query()).await?.is_some())
    }
}

impl Transaction {
    /// Spends a code. Whether it was good.
    pub(super) async fn spend_reset_code(&self, id: UserId, code: TokenHash) -> Result<bool, StoreError> {
        let delete = Query::delete()
            .from_table(Entity)
            .and_where(Expr::col(Column::UserId).eq(bytes(id.as_uuid())))
            .and_where(Expr::col(Column::CodeHash).eq(code.as_bytes().to_vec()))
            .and_where(Expr::col(Column::Expires).gt(self.now.as_millis()))
            .to_owned();
        Ok(self.execute(&delete).await? == 1)
    }
}
