//! Freeing space, in steps that keep nobody waiting. No rule depends on it: what is over is over at every read, and a row
//! that is gone is answered for as it was. A process that never purges is right, and grows.

use std::time::Duration;

use sea_orm::sea_query::{Condition, Expr, ExprTrait, Query, SelectStatement};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait};
use uuid::Uuid;

use super::entity::{reset_codes, revocations, security_events, sessions, users};
use super::row::bytes;
use super::sessions::until;
use super::trust_log::GRACE;
use super::users::{DELETED, rested};
use super::{Store, StoreError};
use crate::domain::Timestamp;

/// How many rows a step looks at.
const LOOKED_AT: u64 = 1000;
/// How many rows a step removes at most.
const REMOVED: u64 = 200;
/// The same of revocations: small rows, which whoever signs out makes, and every start reads.
const REVOCATIONS_REMOVED: u64 = 2000;
/// How long security events are kept.
const EVENTS_KEPT: Duration = Duration::from_secs(90 * 86_400);

/// How long leases of verifiers are kept after their end: replicas' clocks differ.
const LEASE_GRACE: Duration = Duration::from_secs(60);

/// Where the next step through a table goes on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PurgeCursor(Option<Uuid>);

impl PurgeCursor {
    /// Whether the next step begins anew.
    #[must_use]
    pub fn is_at_the_beginning(self) -> bool {
        self.0.is_none()
    }
}

impl Store {
    /// Removes sessions that are past their absolute limit, or were ended, and whose last token has expired: nothing asks
    /// for them but a refresh token, and that learns the same from the session's age.
    pub async fn purge_sessions(&self, from: PurgeCursor, now: Timestamp) -> Result<PurgeCursor, StoreError> {
        use sessions::Column;
        let over =
            Condition::any().add(Column::Ended.is_not_null()).add(Column::Expires.lte(now.as_millis()));
        let silent = Expr::from(until()).lte(now.minus(GRACE).as_millis());
        self.step::<sessions::Entity>(Column::Id, from, Condition::all().add(over).add(silent)).await
    }

    /// Removes deleted users whose names have rested, once their sessions are gone.
    pub async fn purge_users(&self, from: PurgeCursor, now: Timestamp) -> Result<PurgeCursor, StoreError> {
        use users::Column;
        let sessions = Query::select()
            .expr(Expr::val(1))
            .from(sessions::Entity)
            .and_where(
                Expr::col((sessions::Entity, sessions::Column::UserId)).equals((users::Entity, Column::Id)),
            )
            .to_owned();
        let purgeable = Condition::all()
            .add(Column::State.eq(DELETED))
            .add(Column::Deleted.lte(rested(now)))
            .add(Expr::exists(sessions).not());
        self.step::<users::Entity>(Column::Id, from, purgeable).await
    }

    /// Removes some of what has had its time: events and reset codes by their age, revocations that hit nothing.
    pub async fn purge_outdated(&self, now: Timestamp) -> Result<(), StoreError> {
        let oldest = bytes(first_id_at(now.minus(EVENTS_KEPT)));
        let old = Condition::all().add(security_events::Column::Id.lt(oldest));
        self.step::<security_events::Entity>(security_events::Column::Id, PurgeCursor::default(), old)
            .await?;
        let expired = Condition::all().add(reset_codes::Column::Expires.lte(now.as_millis()));
        self.step::<reset_codes::Entity>(reset_codes::Column::UserId, PurgeCursor::default(), expired)
            .await?;
        if self.is_shared() {
            self.purge_leases(now.minus(LEASE_GRACE)).await?;
        }
        self.purge_revocations(now).await?;
        self.purge_marks().await
    }

    async fn purge_revocations(&self, now: Timestamp) -> Result<(), StoreError> {
        use revocations::{Column, Entity};
        let select = Entity::find()
            .select_only()
            .column(Column::Sequence)
            .filter(Column::ForgetAt.lte(now.as_millis()))
            .order_by_asc(Column::Sequence)
            .limit(REVOCATIONS_REMOVED);
        let rows = self.find_all(&select.into_query()).await?;
        let sequences: Vec<i64> = rows.iter().filter_map(|row| row.try_get_by_index(0).ok()).collect();
        if !sequences.is_empty() {
            let among = Expr::col(Column::Sequence).is_in(sequences);
            self.execute(Query::delete().from_table(Entity).and_where(among)).await?;
        }
        Ok(())
    }

    /// One step through a table in the order of its ids: finds among the next rows what `purgeable` holds for, without
    /// keeping a writer from writing, and removes those for which it still does.
    async fn step<E: EntityTrait>(
        &self,
        id: E::Column,
        from: PurgeCursor,
        purgeable: Condition,
    ) -> Result<PurgeCursor, StoreError> {
        let after = |select: sea_orm::Select<E>| match from.0 {
            Some(last) => select.filter(id.gt(bytes(last))),
            None => select,
        };
        let all = || after(E::find().select_only().column(id)).order_by_asc(id);
        let end = self.ids(all().offset(LOOKED_AT - 1).limit(1).into_query()).await?.first().copied();
        let mut some = all().filter(purgeable.clone()).limit(REMOVED);
        if let Some(end) = end {
            some = some.filter(id.lte(bytes(end)));
        }
        let found = self.ids(some.into_query()).await?;
        if let Some(last) = found.last() {
            let among = Expr::col(id).is_in(found.iter().map(|id| bytes(*id)));
            let mut delete = Query::delete();
            delete.from_table(E::default().table_ref()).and_where(among).cond_where(purgeable);
            self.execute(&delete).await?;
            if found.len() as u64 == REMOVED {
                return Ok(PurgeCursor(Some(*last)));
            }
        }
        Ok(PurgeCursor(end))
    }

    async fn ids(&self, select: SelectStatement) -> Result<Vec<Uuid>, StoreError> {
        let rows = self.find_all(&select).await?;
        let id = |bytes: Vec<u8>| Uuid::from_slice(&bytes).ok();
        Ok(rows.iter().filter_map(|row| id(row.try_get_by_index(0).ok()?)).collect())
    }
}

/// The lowest UUIDv7 of a moment.
fn first_id_at(moment: Timestamp) -> Uuid {
    let millis = u64::try_from(moment.as_millis()).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(millis, &[0; 10]).into_uuid()
}
