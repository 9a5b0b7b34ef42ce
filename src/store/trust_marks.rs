//! Marks, by which the trust log is recognised. A standby that is promoted may lack the last commits, and gives their numbers
//! to others: whoever knew the old ones would take the new ones for known. So every commit that revokes leaves a mark that no
//! other leaves, and whoever reads on looks whether the mark of the last place that it knows is there.

use std::sync::{Mutex, PoisonError};

use sea_orm::sea_query::{Alias, Expr, ExprTrait, JoinType, OnConflict, Query, SelectStatement};
use sea_orm::{DbErr, QueryResult};

use super::entity::trust_counter;
use super::entity::trust_marks::{Column, Entity};
use super::row::Row;
use super::transaction::Transaction;
use super::trust_counter::{COLUMNS as COUNTER, ID};
use super::{Store, StoreError};
use crate::domain::TrustPosition;

/// For how many numbers marks are kept: more than there are between two readings.
const KEPT: i64 = 100_000;
/// The mark at the place that is asked about, beside the one at the end.
const THERE: &str = "there";

/// A place in the log. There is no mark where a program of before has committed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct LogPlace {
    pub(super) position: TrustPosition,
    pub(super) mark: Option<i64>,
    /// Whether something is known beyond it that is of another log.
    pub(super) doubtful: bool,
}

/// What was found of the log.
#[derive(Clone, Copy, Debug)]
pub(super) struct FoundLog {
    /// Where it ends.
    pub(super) end: LogPlace,
    /// The mark at the place that was asked about.
    there: Option<i64>,
}

impl FoundLog {
    /// Whether all that was known at `known`, the place that was asked about, is in it.
    pub(super) fn has(&self, known: LogPlace) -> bool {
        let is_there = known.mark == self.there && known.position.sequence <= self.end.position.sequence;
        is_there && !known.doubtful
    }
}

/// The marks of one process, from a place on that was drawn at random: no other process meets it.
#[derive(Debug, Default)]
pub(super) struct Marks(Mutex<Option<i64>>);

impl Marks {
    pub(super) fn begin(&self, drawn: [u8; 16]) {
        let [a, b, c, d, e, f, g, h, ..] = drawn;
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) =
            Some(i64::from_be_bytes([a, b, c, d, e, f, g, h]));
    }

    /// Another one, if they have begun.
    pub(super) fn next(&self) -> Option<i64> {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *last = last.map(|last| last.wrapping_add(1));
        *last
    }
}

impl Store {
    /// Where the log ends, and whether it is the one of which `known` is known. Nothing where there is no log yet.
    pub(super) async fn lookup_log(&self, known: LogPlace) -> Result<Option<FoundLog>, StoreError> {
        self.find_in_log(&select(known)).await?.map(|found| read(&found)).transpose()
    }

    /// Removes marks that nobody asks for any more.
    pub(super) async fn purge_marks(&self) -> Result<(), StoreError> {
        let Some(end) = self.lookup_trust_counter().await? else { return Ok(()) };
        let outdated = Expr::col(Column::Sequence).lt(end.sequence.saturating_sub(KEPT));
        let any = Query::select()
            .column(Column::Sequence)
            .from(Entity)
            .and_where(outdated.clone())
            .limit(1)
            .to_owned();
        if self.find(&any).await?.is_some() {
            self.execute(Query::delete().from_table(Entity).and_where(outdated)).await?;
        }
        Ok(())
    }
}

impl Transaction {
    /// The same, with all that was committed before this transaction.
    pub(super) async fn lookup_log(&self, known: LogPlace) -> Result<Option<FoundLog>, StoreError> {
        self.find(&select(known)).await?.map(|found| read(&found)).transpose()
    }

    /// The last number of the log, and the mark at the one that was `count` numbers before.
    pub(super) async fn last_and_mark_before(&self, count: i64) -> Result<(i64, Option<i64>), DbErr> {
        let counter = trust_counter::Entity;
        let last = || Expr::col((counter, trust_counter::Column::Sequence));
        let select = Query::select()
            .expr(last())
            .column((Entity, Column::Mark))
            .from(counter)
            .left_join(Entity, Expr::col((Entity, Column::Sequence)).eq(last().sub(count)))
            .and_where(Expr::col((counter, trust_counter::Column::Id)).eq(ID))
            .to_owned();
        match self.find(&select).await? {
            Some(found) => Ok((found.try_get_by_index(0)?, found.try_get_by_index(1)?)),
            None => Err(DbErr::Custom("the trust counter is missing".to_owned())),
        }
    }

    /// Leaves a mark at a number of the log, in the place of one of a log that was longer.
    pub(super) async fn leave_mark(&self, sequence: i64, mark: i64) -> Result<(), DbErr> {
        let insert = Query::insert()
            .into_table(Entity)
            .columns([Column::Sequence, Column::Mark])
            .values([sequence.into(), mark.into()])
            .map_err(|error| DbErr::Custom(error.to_string()))?
            .on_conflict(OnConflict::column(Column::Sequence).update_column(Column::Mark).to_owned())
            .to_owned();
        self.execute(&insert).await?;
        Ok(())
    }
}

fn select(known: LogPlace) -> SelectStatement {
    let (counter, there) = (trust_counter::Entity, Alias::new(THERE));
    let mut select = Query::select();
    for column in COUNTER {
        select.column((counter, column));
    }
    let is_there = Expr::col((there.clone(), Column::Sequence)).eq(known.position.sequence);
    let is_last = Expr::col((Entity, Column::Sequence)).equals((counter, trust_counter::Column::Sequence));
    select
        .column((there.clone(), Column::Mark))
        .column((Entity, Column::Mark))
        .from(counter)
        .join_as(JoinType::LeftJoin, Entity, there, is_there)
        .left_join(Entity, is_last)
        .and_where(Expr::col((counter, trust_counter::Column::Id)).eq(ID))
        .to_owned()
}

fn read(found: &QueryResult) -> Result<FoundLog, StoreError> {
    let position = super::trust_counter::read(&Row::new(found, &COUNTER, 0))?;
    let mark = |place| found.try_get_by_index::<Option<i64>>(COUNTER.len() + place);
    Ok(FoundLog { end: LogPlace { position, mark: mark(1)?, doubtful: false }, there: mark(0)? })
}
