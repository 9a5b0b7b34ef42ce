//! One pass over the tables: a transaction that sees one moment, and how its rows are gone through.

use sea_orm::sea_query::{Condition, Query, SelectStatement};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder, QueryResult,
    QuerySelect, QueryTrait, Value,
};

use super::findings::{Findings, MOST};
use crate::store::maintenance::Maintenance;
use crate::store::row::Row;
use crate::store::{OpenError, StoreError, schema};

/// How many rows are in memory at once.
const PAGE: u64 = 1000;

/// A check on its way.
pub struct Pass {
    pub(super) db: DatabaseTransaction,
}

impl Maintenance {
    /// Begins to check the database as it is at this moment. Its schema must be the one that this program knows, or a newer
    /// one that it may read.
    pub async fn begin_check(&self) -> Result<Pass, OpenError> {
        let known = countersign_migration::migrations();
        let pass = Pass { db: self.begin_reading().await? };
        let notes = schema::lookup_applied(&pass.db).await?;
        let found = notes.iter().map(|note| note.number).max().unwrap_or(0);
        let knows = i64::try_from(known.len()).unwrap_or(i64::MAX);
        if found < knows {
            return Err(OpenError::Older { found, knows });
        }
        match schema::judge(&notes, &known) {
            // That is a finding.
            Ok(()) | Err(OpenError::Foreign { .. }) => Ok(pass),
            Err(error) => Err(error),
        }
    }
}

impl Pass {
    /// Ends it. Nothing has been changed.
    pub async fn end(self) -> Result<(), StoreError> {
        Ok(self.db.rollback().await?)
    }

    /// Goes through a table in the order of its ids, the first of `columns`. How many rows there are.
    pub(super) async fn walk<E: EntityTrait + Default>(
        &self,
        columns: &'static [E::Column],
        findings: &mut Findings,
        mut visit: impl FnMut(&Row<'_, E>, &mut Findings) -> Result<(), StoreError>,
    ) -> Result<u64, StoreError> {
        let (mut after, mut count) = (None, 0);
        loop {
            let rows = self.page::<E>(columns, after).await?;
            for result in &rows {
                let outcome = visit(&Row::new(result, columns, 0), findings);
                findings.absorb(outcome)?;
            }
            let read = u64::try_from(rows.len()).unwrap_or(u64::MAX);
            count += read;
            after = rows.last().and_then(cursor);
            if read < PAGE || after.is_none() {
                return Ok(count);
            }
        }
    }

    async fn page<E: EntityTrait + Default>(
        &self,
        columns: &'static [E::Column],
        after: Option<Value>,
    ) -> Result<Vec<QueryResult>, StoreError> {
        let id = columns[0];
        let mut select =
            E::find().select_only().columns(columns.iter().copied()).order_by_asc(id).limit(PAGE);
        if let Some(after) = after {
            select = select.filter(id.gt(after));
        }
        Ok(self.db.query_all(&select.into_query()).await?)
    }

    /// Adds a finding for every row of `E` for which `wrong` holds.
    pub(super) async fn find_wrong<E: EntityTrait + Default>(
        &self,
        findings: &mut Findings,
        (id, column): (E::Column, E::Column),
        wrong: Condition,
        what: &'static str,
    ) -> Result<(), StoreError> {
        let select = Query::select()
            .column((E::default(), id))
            .from(E::default())
            .cond_where(wrong)
            .order_by((E::default(), id), sea_orm::Order::Asc)
            .to_owned();
        self.find_selected::<E>(findings, column, select, what).await
    }

    /// The same for every row whose id a query finds.
    pub(super) async fn find_selected<E: EntityTrait + Default>(
        &self,
        findings: &mut Findings,
        column: E::Column,
        mut select: SelectStatement,
        what: &'static str,
    ) -> Result<(), StoreError> {
        select.limit(u64::try_from(MOST).unwrap_or(u64::MAX) + 1);
        for result in &self.db.query_all(&select).await? {
            findings.at(Row::<E>::new(result, &[], 0).damaged(column), what);
        }
        Ok(())
    }
}

/// The id of a row, as it is: it may be what is damaged.
fn cursor(row: &QueryResult) -> Option<Value> {
    let number = row.try_get_by_index::<i64>(0).or_else(|_| row.try_get_by_index::<i16>(0).map(i64::from));
    number.map(Value::from).or_else(|_| row.try_get_by_index::<Vec<u8>>(0).map(Value::from)).ok()
}
