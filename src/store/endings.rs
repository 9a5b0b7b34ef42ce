//! The ends of sessions: one, all of a user, all but one.

use sea_orm::DbErr;
use sea_orm::sea_query::{Expr, ExprTrait, Query, SelectStatement};
use tracing::Instrument;

use super::entity::sessions::{Column, Entity};
use super::row::{Row, bytes};
use super::sessions::{ENDED_COLUMNS, live, read_ended};
use super::transaction::Transaction;
use super::trust_log::{EndedSession, Raise};
use super::{ActError, Store, StoreError};
use crate::domain::{Act, Epoch, EventKind, ProofEpoch, ProvenAt, SessionId, SessionLimits, UserId};

/// How many sessions one statement ends.
const CHUNK: usize = 500;
/// How many sessions one transaction ends one by one: each has its entry in the log, and meanwhile the others wait who revoke
/// something.
const MOST_ONE_BY_ONE: u64 = 500;
/// How many sessions of a user, those in the log among them, are dealt with within the time that a call has.
const MANY: u64 = 5_000;

/// Whose session may be ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// This user's.
    Of(UserId),
    /// Anybody's; that of another user than this one is an admin's act.
    AnybodysBy(UserId),
}

impl Store {
    /// Ends a live session.
    pub async fn revoke_session(
        &self,
        id: SessionId,
        whose: Whose,
        limits: SessionLimits,
        act: &Act,
    ) -> Result<(), ActError> {
        let owner = self.owner_of_session(id).await?.ok_or(ActError::SessionNotFound)?;
        self.perform(act, owner, move |transaction, act| {
            Box::pin(async move {
                let select = with_owner(select_live(act.now, &limits))
                    .and_where(Expr::col(Column::Id).eq(bytes(id.as_uuid())))
                    .to_owned();
                let found = transaction.find(&select).await?.ok_or(ActError::SessionNotFound)?;
                let owner = Row::<Entity>::new(&found, &OWNER, ENDED_COLUMNS.len());
                let owner = UserId::from_uuid(owner.id(Column::UserId)?);
                let by_admin = match whose {
                    Whose::Of(user) if user != owner => return Err(ActError::SessionNotFound),
                    Whose::Of(_) => false,
                    Whose::AnybodysBy(admin) => admin != owner,
                };
                if by_admin {
                    let event = act.event(EventKind::SessionRevoked, Some(owner)).of_session(id);
                    transaction.insert_event(&event).await?;
                }
                transaction.end_one(owner, read_ended(&found)?).await?;
                Ok(())
            })
        })
        .await
    }

    /// Ends a session for the holder of one of its tokens, whatever its user may. False if there was nothing to end.
    pub async fn give_back_session(&self, id: SessionId, act: &Act) -> Result<bool, StoreError> {
        let Some(owner) = self.owner_of_session(id).await? else { return Ok(false) };
        self.transact(act.now, move |transaction| {
            Box::pin(async move {
                transaction.lock([owner]).await?;
                let select = with_owner(select_unended())
                    .and_where(Expr::col(Column::Id).eq(bytes(id.as_uuid())))
                    .to_owned();
                let Some(found) = transaction.find(&select).await? else { return Ok(false) };
                let owner = Row::<Entity>::new(&found, &OWNER, ENDED_COLUMNS.len());
                let owner = UserId::from_uuid(owner.id(Column::UserId)?);
                transaction.end_one(owner, read_ended(&found)?).await?;
                Ok(true)
            })
        })
        .await
    }

    /// Ends all sessions of a user. How many live ones there were.
    pub async fn revoke_all_sessions(
        &self,
        user: UserId,
        limits: SessionLimits,
        act: &Act,
    ) -> Result<usize, ActError> {
        self.perform(act, user, move |transaction, act| {
            Box::pin(async move {
                transaction.require_user(user).await?;
                let (ended, _) = transaction.end_all(user, &limits).await?;
                if ended > 0 {
                    let event = act.event(EventKind::SessionsRevoked, Some(user)).times(ended);
                    transaction.insert_event(&event).await?;
                }
                Ok(ended)
            })
        })
        .await
    }

    /// Ends all sessions of a user but `kept`. How many live ones there were. It is done in portions: where one fails, those
    /// before it are over, and whoever asks again goes on.
    pub async fn revoke_other_sessions(
        &self,
        user: UserId,
        kept: SessionId,
        limits: SessionLimits,
        act: &Act,
    ) -> Result<usize, ActError> {
        let (store, mut act) = (self.clone(), act.clone());
        // Whoever goes away has asked for all of them.
        let ending = async move {
            let mut all = 0;
            loop {
                let (ended, proof) = store.end_portion((user, kept), all, limits, &act).await?;
                all += ended;
                if (ended as u64) < MOST_ONE_BY_ONE {
                    return Ok(all);
                }
                // Each portion fills the log, and the next session of the user that ends collapses it: whoever asked may go on.
                for actor in act.actor.iter_mut().filter(|actor| actor.at.id == user) {
                    actor.at.proven = ProvenAt::Password(proof);
                }
            }
        };
        match tokio::spawn(ending.in_current_span()).await {
            Ok(outcome) => outcome,
            Err(error) => Err(StoreError::unexpected(error).into()),
        }
    }

    /// How many it ended, and of which proof the user was then.
    async fn end_portion(
        &self,
        (user, kept): (UserId, SessionId),
        before: usize,
        limits: SessionLimits,
        act: &Act,
    ) -> Result<(usize, ProofEpoch), ActError> {
        self.perform(act, user, move |transaction, act| {
            Box::pin(async move {
                let proof = transaction.require_user(user).await?.proof();
                let ended = transaction.end_others(user, kept, &limits).await?;
                if ended > 0 {
                    let event = act.event(EventKind::SessionsRevoked, Some(user)).times(before + ended);
                    transaction.record_counted_event(&event).await?;
                }
                Ok((ended, proof))
            })
        })
        .await
    }
}

impl Store {
    /// Whose a session is. It never becomes another's.
    pub(super) async fn owner_of_session(&self, id: SessionId) -> Result<Option<UserId>, StoreError> {
        let select = Query::select()
            .columns(OWNER)
            .from(Entity)
            .and_where(Expr::col(Column::Id).eq(bytes(id.as_uuid())))
            .to_owned();
        let found = self.find(&select).await?;
        found
            .map(|row| Ok(UserId::from_uuid(Row::<Entity>::new(&row, &OWNER, 0).id(Column::UserId)?)))
            .transpose()
    }
}

impl Transaction {
    /// Ends all sessions of a user and raises its epoch. How many live ones there were, and the new epoch.
    pub(super) async fn end_all(
        &mut self,
        user: UserId,
        limits: &SessionLimits,
    ) -> Result<(usize, Epoch), StoreError> {
        self.take_its_time_for(user).await?;
        let count = self.count_live(user, limits).await?;
        let end = Query::update()
            .table(Entity)
            .value(Column::Ended, self.now.as_millis())
            .and_where(Expr::col(Column::UserId).eq(bytes(user.as_uuid())))
            .and_where(Expr::col(Column::Ended).is_null())
            .to_owned();
        self.execute(&end).await?;
        Ok((count, self.raise_epoch_in_its_time(user, Raise::ToEnd).await?))
    }

    /// Takes its time if a user has, or had not long ago, more sessions than are dealt with within the time of a call.
    pub(super) async fn take_its_time_for(&self, user: UserId) -> Result<(), DbErr> {
        let select = Query::select()
            .column(Column::Id)
            .from(Entity)
            .and_where(Expr::col(Column::UserId).eq(bytes(user.as_uuid())))
            .limit(1)
            .offset(MANY)
            .to_owned();
        if self.find(&select).await?.is_some() {
            self.take_its_time().await?;
        }
        Ok(())
    }

    async fn count_live(&self, user: UserId, limits: &SessionLimits) -> Result<usize, DbErr> {
        let select = Query::select()
            .expr(Expr::col(Column::Id).count())
            .from(Entity)
            .and_where(Expr::col(Column::UserId).eq(bytes(user.as_uuid())))
            .cond_where(live(self.now, limits))
            .to_owned();
        let Some(row) = self.find(&select).await? else { return Ok(0) };
        Ok(usize::try_from(row.try_get_by_index::<i64>(0)?).unwrap_or(usize::MAX))
    }

    /// Notes that these sessions have ended.
    pub(super) async fn record_end(&self, ended: &[EndedSession]) -> Result<(), StoreError> {
        for chunk in ended.chunks(CHUNK) {
            let ids = chunk.iter().map(|session| bytes(session.id.as_uuid()));
            let update = Query::update()
                .table(Entity)
                .value(Column::Ended, self.now.as_millis())
                .and_where(Expr::col(Column::Id).is_in(ids))
                .and_where(Expr::col(Column::Ended).is_null())
                .to_owned();
            self.execute(&update).await?;
        }
        Ok(())
    }

    async fn end_one(&mut self, owner: UserId, session: EndedSession) -> Result<(), StoreError> {
        self.record_end(&[session]).await?;
        self.revoke_sessions(owner, &[session], true).await?;
        Ok(())
    }

    /// One by one, and no more than a portion: raising the epoch would end the tokens of the one that is kept.
    async fn end_others(
        &mut self,
        user: UserId,
        kept: SessionId,
        limits: &SessionLimits,
    ) -> Result<usize, StoreError> {
        let select = select_live(self.now, limits)
            .and_where(Expr::col(Column::UserId).eq(bytes(user.as_uuid())))
            .and_where(Expr::col(Column::Id).ne(bytes(kept.as_uuid())))
            .limit(MOST_ONE_BY_ONE)
            .to_owned();
        let others = self.find_all(&select).await?.iter().map(read_ended).collect::<Result<Vec<_>, _>>()?;
        self.record_end(&others).await?;
        self.revoke_sessions(user, &others, false).await?;
        Ok(others.len())
    }
}

const OWNER: [Column; 1] = [Column::UserId];

fn select_unended() -> SelectStatement {
    Query::select()
        .columns(ENDED_COLUMNS)
        .from(Entity)
        .and_where(Expr::col(Column::Ended).is_null())
        .to_owned()
}

fn select_live(now: crate::domain::Timestamp, limits: &SessionLimits) -> SelectStatement {
    Query::select().columns(ENDED_COLUMNS).from(Entity).cond_where(live(now, limits)).to_owned()
}

fn with_owner(mut select: SelectStatement) -> SelectStatement {
    select.columns(OWNER).to_owned()
}
