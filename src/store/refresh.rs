//! Refresh tokens of sessions: reading what is kept of them, and spending one. Two calls cannot spend the same: the
//! statement that does it names the token that it spends.

use std::sync::Arc;

use sea_orm::sea_query::{Expr, ExprTrait, Query, SelectStatement};
use sea_orm::{
    ColumnTrait, EntityTrait, JoinType, QueryFilter, QueryResult, QuerySelect, QueryTrait, RelationTrait,
};

use super::entity::sessions::{Column, Entity, Relation};
use super::entity::users;
use super::proof::owner_of;
use super::row::{Row, bytes, number};
use super::sessions::{COLUMNS, ENDED_COLUMNS, NO_GENERATION, later, live, read_ended, read_session, until};
use super::users::{DELETED, USER_COLUMNS, read_user};
use super::{Store, StoreError};
use crate::domain::{
    Act, Epoch, EventKind, Generation, Presentation, PresentedRefresh, RefreshChain, RetryHash, Salt,
    Session, SessionId, SessionLimits, Spent, Timestamp, TokenHash, User,
};

const CHAIN_COLUMNS: [Column; 6] =
    [Column::Id, Column::Generation, Column::CurrentHash, Column::SpentHash, Column::RetryHash, Column::Salt];

/// A session, its user and its refresh tokens, read at one moment.
#[derive(Clone, Debug)]
pub struct Refreshable {
    /// The session.
    pub session: Session,
    /// Its user.
    pub user: User,
    /// Its refresh tokens; `None` if it has none.
    pub chain: Option<RefreshChain>,
}

/// A refresh token being spent.
#[derive(Clone, Debug)]
pub struct Rotation {
    /// The session.
    pub session: SessionId,
    /// What was read of its tokens; the current one is spent.
    pub from: RefreshChain,
    /// What takes its place.
    pub to: RefreshChain,
    /// The epoch of the user that was read.
    pub epoch: Epoch,
    /// How long the new access token lives.
    pub tokens_until: Timestamp,
    /// How long sessions last.
    pub limits: SessionLimits,
}

impl Store {
    /// The session of this id, with all that a refresh is decided on.
    pub async fn lookup_refreshable(&self, id: SessionId) -> Result<Option<Refreshable>, StoreError> {
        let select = Entity::find()
            .select_only()
            .columns(COLUMNS)
            .columns(CHAIN_COLUMNS)
            .columns(USER_COLUMNS)
            .join(JoinType::InnerJoin, Relation::User.def())
            .filter(users::Column::State.ne(DELETED))
            .filter(Column::Id.eq(bytes(id.as_uuid())));
        let found = self.find(&select.into_query()).await?;
        found.map(|result| read_refreshable(&result)).transpose()
    }

    /// Spends the current refresh token, if it is still the current one of a live session of an active user of the same
    /// epoch. False, and nothing is written, otherwise.
    pub async fn rotate_refresh(&self, rotation: &Rotation, act: &Act) -> Result<bool, StoreError> {
        let Rotation { from, to, .. } = rotation;
        let spent = to.spent.as_ref();
        let update = Query::update()
            .table(Entity)
            .value(Column::Generation, number(to.generation))
            .value(Column::CurrentHash, to.current.as_bytes().to_vec())
            .value(Column::SpentHash, spent.map(|spent| spent.token.as_bytes().to_vec()))
            .value(
                Column::RetryHash,
                spent.and_then(|spent| spent.retry).map(|hash| hash.as_bytes().to_vec()),
            )
            .value(Column::Salt, spent.map(|spent| spent.salt.as_bytes().to_vec()))
            .value(Column::AuthTime, later(Expr::col(Column::AuthTime), act.now))
            .value(Column::Used, later(Expr::col(Column::Used), act.now))
            .value(Column::TokensUntil, later(Expr::from(until()), rotation.tokens_until))
            .value(Column::UserAgent, act.origin.user_agent.as_str())
            .value(Column::Peer, act.origin.address.map(|address| address.to_string()))
            .and_where(Expr::col(Column::Id).eq(bytes(rotation.session.as_uuid())))
            .and_where(Expr::col(Column::Generation).eq(number(from.generation)))
            .and_where(Expr::col(Column::CurrentHash).eq(from.current.as_bytes().to_vec()))
            .cond_where(live(act.now, &rotation.limits))
            .and_where(Expr::exists(owner_of(rotation.epoch)))
            .to_owned();
        Ok(self.execute(&update).await? == 1)
    }

    /// Notes that the current token was given once more, and how long the access token beside it lives. False, and nothing
    /// is written, if the token is not the current one of a live session any more.
    pub async fn record_repetition(&self, rotation: &Rotation, act: &Act) -> Result<bool, StoreError> {
        let update = Query::update()
            .table(Entity)
            .value(Column::AuthTime, later(Expr::col(Column::AuthTime), act.now))
            .value(Column::Used, later(Expr::col(Column::Used), act.now))
            .value(Column::TokensUntil, later(Expr::from(until()), rotation.tokens_until))
            .and_where(Expr::col(Column::Id).eq(bytes(rotation.session.as_uuid())))
            .and_where(Expr::col(Column::Generation).eq(number(rotation.to.generation)))
            .and_where(Expr::col(Column::CurrentHash).eq(rotation.to.current.as_bytes().to_vec()))
            .cond_where(live(act.now, &rotation.limits))
            .and_where(Expr::exists(owner_of(rotation.epoch)))
            .to_owned();
        Ok(self.execute(&update).await? == 1)
    }

    /// Ends a session whose spent refresh token was presented, with one event. The tokens are read again: what was judged
    /// by an older reading ends nothing. False if it does not end here, because it is over or nothing was reused.
    pub async fn end_reused(
        &self,
        id: SessionId,
        presented: PresentedRefresh,
        act: &Act,
    ) -> Result<bool, StoreError> {
        let Some(owner) = self.owner_of_session(id).await? else { return Ok(false) };
        let (now, act) = (act.now, Arc::new(act.clone()));
        let presented = Arc::new(presented);
        self.transact(now, move |transaction| {
            let (act, presented) = (Arc::clone(&act), Arc::clone(&presented));
            Box::pin(async move {
                transaction.lock([owner]).await?;
                let Some(result) = transaction.find(&select_reused(id)).await? else { return Ok(false) };
                let chain = read_chain(&Row::new(&result, &CHAIN_COLUMNS, ENDED_COLUMNS.len()))?;
                if !chain.is_some_and(|chain| chain.judge(&presented) == Presentation::Reused) {
                    return Ok(false);
                }
                let ended = read_ended(&result)?;
                let owner = Row::<Entity>::new(&result, &OWNER, ENDED_COLUMNS.len() + CHAIN_COLUMNS.len());
                let user = crate::domain::UserId::from_uuid(owner.id(Column::UserId)?);
                transaction.record_end(&[ended]).await?;
                let event = act.event(EventKind::RefreshTokenReused, Some(user)).of_session(id);
                transaction.insert_event(&event).await?;
                transaction.revoke_sessions(user, &[ended], true).await?;
                Ok(true)
            })
        })
        .await
    }
}

const OWNER: [Column; 1] = [Column::UserId];

fn select_reused(id: SessionId) -> SelectStatement {
    Query::select()
        .columns(ENDED_COLUMNS)
        .columns(CHAIN_COLUMNS)
        .columns(OWNER)
        .from(Entity)
        .and_where(Expr::col(Column::Id).eq(bytes(id.as_uuid())))
        .and_where(Expr::col(Column::Ended).is_null())
        .to_owned()
}

fn read_refreshable(result: &QueryResult) -> Result<Refreshable, StoreError> {
    Ok(Refreshable {
        session: read_session(&Row::new(result, &COLUMNS, 0))?,
        chain: read_chain(&Row::new(result, &CHAIN_COLUMNS, COLUMNS.len()))?,
        user: read_user(&Row::new(result, &USER_COLUMNS, COLUMNS.len() + CHAIN_COLUMNS.len()))?,
    })
}

pub(super) fn read_chain(row: &Row<'_, Entity>) -> Result<Option<RefreshChain>, StoreError> {
    if row.read::<i64>(Column::Generation)? == NO_GENERATION {
        return Ok(None);
    }
    let generation = row.parse(Column::Generation, |number: i64| u64::try_from(number).ok())?;
    let current = row.parse(Column::CurrentHash, |bytes: Vec<u8>| hash(bytes).map(TokenHash::from_bytes))?;
    let optional =
        |column| row.parse(column, |bytes: Option<Vec<u8>>| bytes.map_or(Some(None), |b| hash(b).map(Some)));
    let spent = match (optional(Column::SpentHash)?, optional(Column::Salt)?) {
        (Some(token), Some(salt)) => Some(Spent {
            token: TokenHash::from_bytes(token),
            retry: optional(Column::RetryHash)?.map(RetryHash::from_bytes),
            salt: Salt::from_bytes(salt),
        }),
        _ => None,
    };
    Ok(Some(RefreshChain { generation: Generation::from_number(generation), current, spent }))
}

fn hash(bytes: Vec<u8>) -> Option<[u8; 32]> {
    bytes.try_into().ok()
}
