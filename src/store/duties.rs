//! Work that is done once for all replicas of a database server, and not once by each. Two that hold the same duty for a
//! moment, because their clocks differ, do the same work twice and no harm.

use std::time::Duration;

use sea_orm::sea_query::{Expr, ExprTrait, Query};

use super::entity::duties::{Column, Entity};
use super::{Store, StoreError};
use crate::domain::Timestamp;

/// How long a duty is held without being taken again.
const HELD: Duration = Duration::from_secs(10);
const COLUMNS: [Column; 3] = [Column::Name, Column::Holder, Column::Until];

impl Store {
    /// Takes a duty, or keeps it: if nobody has it, or whoever had it has not come for it for a while. Nobody shares a file of
    /// SQLite with so many that it matters who does what: there every process has every duty, and writes nothing.
    pub async fn take_duty(
        &self,
        name: &'static str,
        holder: [u8; 16],
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        if !self.is_shared() {
            return Ok(true);
        }
        let until = now.plus(HELD).as_millis();
        let free = Expr::col(Column::Until).lt(now.as_millis());
        let take = Query::update()
            .table(Entity)
            .value(Column::Holder, holder.to_vec())
            .value(Column::Until, until)
            .and_where(Expr::col(Column::Name).eq(name))
            .and_where(Expr::col(Column::Holder).eq(holder.to_vec()).or(free))
            .to_owned();
        if self.execute(&take).await? == 1 {
            return Ok(true);
        }
        // Mostly somebody has it, and a server would write the collision into its log.
        let held = Query::select()
            .column(Column::Name)
            .from(Entity)
            .and_where(Expr::col(Column::Name).eq(name))
            .to_owned();
        if self.find(&held).await?.is_some() {
            return Ok(false);
        }
        let insert = Query::insert()
            .into_table(Entity)
            .columns(COLUMNS)
            .values([name.into(), holder.to_vec().into(), until.into()])
            .map_err(StoreError::unexpected)?
            .to_owned();
        self.insert_unless_there(&insert).await
    }
}
