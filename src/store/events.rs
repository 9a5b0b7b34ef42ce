//! Security events: written once, but for those that are counted.

use sea_orm::sea_query::{Expr, InsertStatement, OnConflict, Query};
use sea_orm::{ColumnTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait};

use super::entity::security_events::{Column, Entity};
use super::row::{Row, bytes};
use super::transaction::Transaction;
use super::{Store, StoreError};
use crate::domain::{EventId, EventKind, SecurityEvent, SessionId, Timestamp, UserId};

pub(super) const COLUMNS: [Column; 10] = [
    Column::Id,
    Column::Kind,
    Column::Time,
    Column::LastTime,
    Column::Count,
    Column::UserId,
    Column::ActorId,
    Column::SessionId,
    Column::Peer,
    Column::Detail,
];
/// How many rows are written by one statement.
const CHUNK: usize = 200;

impl Store {
    /// Writes events that are counted: new ones, and new counts of those that are there.
    pub async fn record_counted_events(&self, events: &[SecurityEvent]) -> Result<(), StoreError> {
        for chunk in events.chunks(CHUNK) {
            self.execute(&written_over(insert(chunk)?)).await?;
        }
        Ok(())
    }

    /// The events before the one of this id, the latest first; of one user or of all.
    pub async fn list_events(
        &self,
        of: Option<UserId>,
        before: Option<EventId>,
        at_most: u64,
    ) -> Result<Vec<SecurityEvent>, StoreError> {
        let mut select =
            Entity::find().select_only().columns(COLUMNS).order_by_desc(Column::Id).limit(at_most);
        if let Some(user) = of {
            select = select.filter(Column::UserId.eq(bytes(user.as_uuid())));
        }
        if let Some(id) = before {
            select = select.filter(Column::Id.lt(bytes(id.as_uuid())));
        }
        let rows = self.find_all(&select.into_query()).await?;
        rows.iter().map(|result| read_event(&Row::new(result, &COLUMNS, 0))).collect()
    }
}

impl Transaction {
    /// Writes an event.
    pub(super) async fn insert_event(&self, event: &SecurityEvent) -> Result<(), DbErr> {
        let insert = insert(std::slice::from_ref(event)).map_err(|error| DbErr::Custom(error.to_string()))?;
        self.execute(&insert).await?;
        Ok(())
    }

    /// Writes an event that is counted, or the new count of one that is there.
    pub(super) async fn record_counted_event(&self, event: &SecurityEvent) -> Result<(), StoreError> {
        self.execute(&written_over(insert(std::slice::from_ref(event))?)).await?;
        Ok(())
    }
}

/// What is there already gets the new count.
fn written_over(mut insert: InsertStatement) -> InsertStatement {
    let counts = OnConflict::column(Column::Id).update_columns([Column::LastTime, Column::Count]).to_owned();
    insert.on_conflict(counts).to_owned()
}

fn insert(events: &[SecurityEvent]) -> Result<InsertStatement, StoreError> {
    let mut insert = Query::insert();
    insert.into_table(Entity).columns(COLUMNS);
    for event in events {
        insert.values(row_of(event)).map_err(StoreError::unexpected)?;
    }
    Ok(insert)
}

fn row_of(event: &SecurityEvent) -> [Expr; 10] {
    [
        Expr::val(bytes(event.id.as_uuid())),
        Expr::val(event.kind.code()),
        Expr::val(event.time.as_millis()),
        Expr::val(event.last_time.as_millis()),
        Expr::val(i64::try_from(event.count).unwrap_or(i64::MAX)),
        Expr::val(event.user_id.map(|id| bytes(id.as_uuid()))),
        Expr::val(event.actor_id.map(|id| bytes(id.as_uuid()))),
        Expr::val(event.session_id.map(|id| bytes(id.as_uuid()))),
        Expr::val(event.peer.map(|address| address.to_string())),
        Expr::val(event.detail.as_str()),
    ]
}

pub(super) fn read_event(row: &Row<'_, Entity>) -> Result<SecurityEvent, StoreError> {
    Ok(SecurityEvent {
        id: EventId::from_uuid(row.id(Column::Id)?),
        kind: row.parse(Column::Kind, EventKind::from_code)?,
        time: row.time(Column::Time)?,
        last_time: row.read(Column::LastTime).map(Timestamp::from_millis)?,
        count: row.parse(Column::Count, |count: i64| u64::try_from(count).ok())?,
        user_id: row.optional_id(Column::UserId)?.map(UserId::from_uuid),
        actor_id: row.optional_id(Column::ActorId)?.map(UserId::from_uuid),
        session_id: row.optional_id(Column::SessionId)?.map(SessionId::from_uuid),
        peer: row.address(Column::Peer)?,
        detail: row.read(Column::Detail)?,
    })
}
