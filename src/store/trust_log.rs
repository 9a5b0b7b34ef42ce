//! The trust log: every revocation by its commit position, until the last token that it hits has expired. Owns what is
//! written when something is revoked, and reading it back.

use std::time::Duration;

use countersign_verify::{KeyId, Revocation, Revoked};
use sea_orm::sea_query::{Expr, ExprTrait, Func, Query, UpdateStatement};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
};
use tokio::time::timeout;
use uuid::Uuid;

use super::entity::revocations::{Column, Entity};
use super::entity::{sessions, trust_counter, users};
use super::patience::monotonic_now;
use super::row::{Row, bytes};
use super::transaction::Transaction;
use super::trust_counter::ID as COUNTER;
use super::trust_marks::LogPlace;
use super::trust_state::Taking;
use super::{Store, StoreError};
use crate::domain::{Epoch, SessionId, Timestamp, UserId};

/// How much longer than its last token a revocation is remembered: clocks differ.
pub(super) const GRACE: Duration = Duration::from_secs(60);
/// How many ended sessions of one user are in the log before all its tokens are revoked in their place: who signs in and
/// out in a loop must not fill everybody's memory. Its sessions live on, and get tokens of the new epoch by a refresh.
const MOST_SESSIONS_OF_A_USER: usize = 128;
/// How many rows are inserted by one statement.
const CHUNK: usize = 500;
/// How many rows are read by one.
const PAGE: u64 = 5_000;
/// How long whoever has written something waits until another log is entered.
const ENTERED_WITHIN: Duration = Duration::from_millis(500);
/// How often the log is read again because more was published meanwhile.
const ATTEMPTS: usize = 16;

pub(super) const COLUMNS: [Column; 7] = [
    Column::Sequence,
    Column::Kind,
    Column::UserId,
    Column::BelowEpoch,
    Column::SessionId,
    Column::KeyId,
    Column::ForgetAt,
];
pub(super) const USER: i16 = 1;
pub(super) const SESSION: i16 = 2;
const KEY: i16 = 3;

/// A session that has been ended, and how long its tokens would have lived.
#[derive(Clone, Copy, Debug)]
pub(super) struct EndedSession {
    pub(super) id: SessionId,
    pub(super) tokens_until: Timestamp,
}

/// Why all tokens of a user are revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Raise {
    /// Something happened to the user: what was proven before, by a password too, is over.
    ToEnd,
    /// Too many of its sessions have ended to remember each: its password is as good as before.
    ToSaveRoom,
}

impl Transaction {
    /// Revokes the tokens of ended sessions of one user; all its tokens, if there are too many of them lately and
    /// `may_collapse`.
    pub(super) async fn revoke_sessions(
        &mut self,
        user: UserId,
        ended: &[EndedSession],
        may_collapse: bool,
    ) -> Result<(), StoreError> {
        if ended.is_empty() {
            return Ok(());
        }
        // Also those whose tokens have expired, as it seems: this clock may be ahead, and be set right a moment later.
        if may_collapse && self.count_sessions_in_log(user).await? + ended.len() > MOST_SESSIONS_OF_A_USER {
            self.raise_epoch(user, Raise::ToSaveRoom).await?;
            return Ok(());
        }
        for session in ended {
            let revoked = Revoked::Session { user_id: user.as_uuid(), session_id: session.id.as_uuid() };
            self.revoked.push((revoked, session.tokens_until.plus(GRACE)));
        }
        Ok(())
    }

    /// Revokes all tokens of a user. Its new epoch.
    pub(super) async fn raise_epoch(&mut self, user: UserId, why: Raise) -> Result<Epoch, StoreError> {
        self.take_its_time_for(user).await?;
        self.raise_epoch_in_its_time(user, why).await
    }

    /// The same for who takes its time already.
    pub(super) async fn raise_epoch_in_its_time(
        &mut self,
        user: UserId,
        why: Raise,
    ) -> Result<Epoch, StoreError> {
        let raised = |column| Expr::col(column).add(1_i64);
        let mut raise = Query::update();
        raise
            .table(users::Entity)
            .value(users::Column::Epoch, raised(users::Column::Epoch))
            .and_where(Expr::col(users::Column::Id).eq(bytes(user.as_uuid())));
        if why == Raise::ToSaveRoom {
            raise.value(users::Column::Collapses, raised(users::Column::Collapses));
        }
        self.execute(&raise).await?;
        let epoch = self.epoch_of(user).await?;
        // Their tokens are of lower epochs.
        let superseded = Query::delete()
            .from_table(Entity)
            .and_where(Expr::col(Column::UserId).eq(bytes(user.as_uuid())))
            .to_owned();
        self.execute(&superseded).await?;
        if let Some(last) = self.last_token_of(user).await? {
            let revoked = Revoked::User { user_id: user.as_uuid(), below_epoch: epoch.number() };
            self.revoked.push((revoked, last.plus(GRACE)));
        }
        Ok(epoch)
    }

    /// The epoch that a user's tokens are of now.
    pub(super) async fn epoch_of(&self, user: UserId) -> Result<Epoch, StoreError> {
        let select = Query::select()
            .column(users::Column::Epoch)
            .from(users::Entity)
            .and_where(Expr::col(users::Column::Id).eq(bytes(user.as_uuid())))
            .to_owned();
        match self.number(&select).await? {
            Some(epoch) => Ok(Epoch::from_number(epoch)),
            None => Err(StoreError::unexpected("the user is gone within a transaction")),
        }
    }

    /// Writes what this transaction revokes into the log. The counter is taken at the very end, so that others wait for
    /// it as shortly as can be.
    pub(super) async fn append_to_log(&mut self) -> Result<Vec<Revocation>, DbErr> {
        let revoked = std::mem::take(&mut self.revoked);
        let count = i64::try_from(revoked.len()).unwrap_or(i64::MAX);
        if count == 0 {
            return Ok(Vec::new());
        }
        let last;
        (last, self.mark_before) = self.advance_counter(count).await?;
        let revocations: Vec<Revocation> = (last - count + 1..)
            .zip(revoked)
            .map(|(sequence, (revoked, forget_at))| Revocation {
                sequence,
                revoked,
                forget_at: forget_at.as_millis(),
            })
            .collect();
        for chunk in revocations.chunks(CHUNK) {
            let mut insert = Query::insert();
            insert.into_table(Entity).columns(COLUMNS);
            for revocation in chunk {
                insert.values(row_of(revocation)).map_err(|error| DbErr::Custom(error.to_string()))?;
            }
            self.execute(&insert).await?;
        }
        if let Some(mark) = self.mark {
            self.leave_mark(last, mark).await?;
        }
        Ok(revocations)
    }

    async fn count_sessions_in_log(&self, user: UserId) -> Result<usize, StoreError> {
        let select = Query::select()
            .expr(Expr::col(Column::Sequence).count())
            .from(Entity)
            .and_where(Expr::col(Column::UserId).eq(bytes(user.as_uuid())))
            .and_where(Expr::col(Column::Kind).eq(SESSION))
            .to_owned();
        Ok(usize::try_from(self.number(&select).await?.unwrap_or(0)).unwrap_or(usize::MAX))
    }

    /// When the last token of a user expires, whatever was done to its sessions; nothing if it had none.
    async fn last_token_of(&self, user: UserId) -> Result<Option<Timestamp>, StoreError> {
        let until =
            Func::coalesce([Expr::col(sessions::Column::TokensUntil), Expr::col(sessions::Column::Expires)]);
        let select = Query::select()
            .expr(Func::max(Expr::from(until)))
            .from(sessions::Entity)
            .and_where(Expr::col(sessions::Column::UserId).eq(bytes(user.as_uuid())))
            .to_owned();
        let Some(row) = self.find(&select).await? else { return Ok(None) };
        Ok(row.try_get_by_index::<Option<i64>>(0)?.map(Timestamp::from_millis))
    }

    /// Moves the counter on by `count`. Where it is then, and the mark where it was.
    async fn advance_counter(&self, count: i64) -> Result<(i64, Option<i64>), DbErr> {
        let advance = Query::update()
            .table(trust_counter::Entity)
            .value(trust_counter::Column::Sequence, Expr::col(trust_counter::Column::Sequence).add(count))
            .and_where(Expr::col(trust_counter::Column::Id).eq(COUNTER))
            .to_owned();
        match self.execute(&advance).await? {
            1 => self.last_and_mark_before(count).await,
            _ => Err(DbErr::Custom("the trust counter is missing".to_owned())),
        }
    }

    async fn number(&self, select: &sea_orm::sea_query::SelectStatement) -> Result<Option<i64>, DbErr> {
        match self.find(select).await? {
            Some(row) => row.try_get_by_index(0),
            None => Ok(None),
        }
    }
}

/// What following the log came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Followed {
    /// Everything is known.
    ToTheEnd,
    /// It is another incarnation, or lacks something that is known: [`Store::enter_incarnation`] is needed.
    Elsewhere,
}

impl Store {
    /// Takes up what other processes have revoked since, and what a failed commit left unknown.
    pub async fn follow_trust_log(&self) -> Result<Followed, StoreError> {
        let began = monotonic_now();
        // A file that has lost its name can still be read, and nothing that others write is in it.
        self.engine().check()?;
        for _ in 0..ATTEMPTS {
            let known = self.trust().known();
            // Its end first: what is committed between the two reads is read twice, and not missed.
            let Some(found) = self.lookup_log(known).await? else { return Ok(Followed::Elsewhere) };
            if found.end.position.incarnation != known.position.incarnation || !found.has(known) {
                return Ok(Followed::Elsewhere);
            }
            let after = known.position.sequence;
            let read =
                if found.end.position.sequence == after { Vec::new() } else { self.read_log(after).await? };
            match self.trust().take_log(&read, (known, found.end), began) {
                Taking::Taken => return Ok(Followed::ToTheEnd),
                Taking::Contradicted => return Ok(Followed::Elsewhere),
                // What is known by now has not been looked for.
                Taking::Overtaken => {}
            }
        }
        Err(StoreError::contended())
    }

    /// Begins another incarnation. Nobody who starts can tell whether the database is the one that was left, or an older copy
    /// in its place: there, numbers that verifiers have seen would be given to other revocations.
    pub async fn begin_incarnation(&self, fresh: [u8; 16]) -> Result<(), StoreError> {
        let known = self.trust().position().incarnation;
        self.execute(&replace_incarnation(known, fresh)).await?;
        self.enter_incarnation(fresh).await?;
        Ok(())
    }

    /// Follows the log of another incarnation from now on. If it lacks something that is known, because an older copy of the
    /// database was put in its place or a standby promoted that was behind, it becomes `fresh`, whichever it is: a position of
    /// before means nothing any more. False then.
    pub async fn enter_incarnation(&self, fresh: [u8; 16]) -> Result<bool, StoreError> {
        let store = self.clone();
        // Most of it is read while others write.
        let Some(early) = self.lookup_log(LogPlace::default()).await? else { return Ok(true) };
        let mut read = self.read_log(0).await?;
        // Nothing of ours is committed meanwhile.
        self.write_alone(move |db| async move {
            let began = monotonic_now();
            let known = store.trust().known();
            let Some(mut found) = store.lookup_log(known).await? else { return Ok(true) };
            let has_all = found.has(known);
            if has_all && found.end.position.incarnation == known.position.incarnation {
                return Ok(true);
            }
            if !has_all {
                let old = found.end.position.incarnation;
                store.bounded::<_, DbErr>(db.execute(&replace_incarnation(old, fresh))).await?;
                found = store.lookup_log(known).await?.unwrap_or(found);
            }
            let goes_on = store.lookup_log(early.end).await?.is_some_and(|log| log.has(early.end));
            if !goes_on {
                read.clear();
            }
            read.extend(store.read_log(if goes_on { early.end.position.sequence } else { 0 }).await?);
            store.trust().replace(&read, found.end, began);
            Ok(has_all)
        })
        .await
    }

    /// The same unless everything up to a position is known already. Where the log is another one by now, whoever follows it
    /// enters it at once; until then what is in it is not felt here.
    pub(super) async fn know_log_to(&self, position: i64) -> Result<(), StoreError> {
        let mut news = self.trust().follow();
        if news.borrow().position.sequence >= position || self.follow_trust_log().await? == Followed::ToTheEnd
        {
            return Ok(());
        }
        self.trust().tell_elsewhere();
        let known = news.wait_for(|news| news.position.sequence >= position);
        match timeout(ENTERED_WITHIN, known).await {
            Ok(Ok(_)) => Ok(()),
            _ => Err(StoreError::another_log()),
        }
    }

    /// The revocations after a position. Those that seem to have had their time, too: that is for the janitor to say, who
    /// is slow to believe a clock.
    async fn read_log(&self, after: i64) -> Result<Vec<Revocation>, StoreError> {
        let mut read: Vec<Revocation> = Vec::new();
        loop {
            let last = read.last().map_or(after, |revocation| revocation.sequence);
            let select = Entity::find()
                .select_only()
                .columns(COLUMNS)
                .filter(Column::Sequence.gt(last))
                .order_by_asc(Column::Sequence)
                .limit(PAGE);
            let rows = self.find_all_in_log(&select.into_query()).await?;
            for row in &rows {
                read.push(read_revocation(&Row::new(row, &COLUMNS, 0))?);
            }
            if (rows.len() as u64) < PAGE {
                return Ok(read);
            }
        }
    }
}

/// Another process may have done it already.
fn replace_incarnation(old: [u8; 16], fresh: [u8; 16]) -> UpdateStatement {
    Query::update()
        .table(trust_counter::Entity)
        .value(trust_counter::Column::Incarnation, fresh.to_vec())
        .and_where(Expr::col(trust_counter::Column::Incarnation).eq(old.to_vec()))
        .to_owned()
}

fn row_of(revocation: &Revocation) -> [Expr; 7] {
    let id = |id: Option<Uuid>| Expr::val(id.map(bytes));
    let (kind, user, epoch, session, key) = match &revocation.revoked {
        Revoked::User { user_id, below_epoch } => (USER, Some(*user_id), Some(*below_epoch), None, None),
        Revoked::Session { user_id, session_id } => (SESSION, Some(*user_id), None, Some(*session_id), None),
        Revoked::Key(key_id) => (KEY, None, None, None, Some(key_id.to_string())),
    };
    [
        Expr::val(revocation.sequence),
        Expr::val(kind),
        id(user),
        Expr::val(epoch),
        id(session),
        Expr::val(key),
        Expr::val(revocation.forget_at),
    ]
}

pub(super) fn read_revocation(row: &Row<'_, Entity>) -> Result<Revocation, StoreError> {
    let revoked = match row.read::<i16>(Column::Kind)? {
        USER => {
            Revoked::User { user_id: row.id(Column::UserId)?, below_epoch: row.read(Column::BelowEpoch)? }
        }
        SESSION => {
            Revoked::Session { user_id: row.id(Column::UserId)?, session_id: row.id(Column::SessionId)? }
        }
        KEY => Revoked::Key(row.parse(Column::KeyId, |text: String| KeyId::parse(&text).ok())?),
        _ => return Err(row.damaged(Column::Kind)),
    };
    Ok(Revocation { sequence: row.read(Column::Sequence)?, revoked, forget_at: row.read(Column::ForgetAt)? })
}
