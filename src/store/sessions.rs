//! Sessions: opening them, reading them, and noting their use. Their refresh tokens are `refresh`'s, their ends `endings`'.

use sea_orm::sea_query::{Condition, Expr, ExprTrait, Func, FunctionCall, Query};
use sea_orm::{
    ColumnTrait, EntityTrait, JoinType, Order, QueryFilter, QueryOrder, QueryResult, QuerySelect, QueryTrait,
    RelationTrait,
};

use super::entity::sessions::{Column, Entity, Relation};
use super::entity::users;
use super::proof::{is_of_proof, owner_of};
use super::row::{Row, bytes, number};
use super::transaction::Transaction;
use super::trust_log::EndedSession;
use super::users::{DELETED, USER_COLUMNS, read_user, state_code};
use super::{Store, StoreError};
use crate::domain::{
    Act, AuthMethods, Epoch, EventKind, Generation, Origin, ProofEpoch, Session, SessionId, SessionLimits,
    Timestamp, TokenHash, User, UserAgent, UserId, UserState,
};

/// What a [`Session`] is made of.
pub(super) const COLUMNS: [Column; 11] = [
    Column::Id,
    Column::UserId,
    Column::Amr,
    Column::AuthTime,
    Column::Created,
    Column::Used,
    Column::Expires,
    Column::Ended,
    Column::TokensUntil,
    Column::UserAgent,
    Column::Peer,
];

/// The columns of a new row.
const INSERTED: [Column; 13] = [
    Column::Id,
    Column::UserId,
    Column::Amr,
    Column::AuthTime,
    Column::Created,
    Column::Used,
    Column::Expires,
    Column::Ended,
    Column::TokensUntil,
    Column::UserAgent,
    Column::Peer,
    Column::Generation,
    Column::CurrentHash,
];

/// How many sessions are ended at once because there are too many; those beyond wait for the next sign-in.
const MOST_EVICTED: u64 = 1000;

/// The generation of a session that has no refresh token.
pub(super) const NO_GENERATION: i64 = 0;

/// A session to be opened.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// The session.
    pub session: Session,
    /// Its first refresh token; `None` if it has none, and then never gets one.
    pub refresh: Option<TokenHash>,
    /// How many its user may have.
    pub limits: SessionLimits,
}

impl Store {
    /// Opens a session if its user is active and its password's proofs still of this generation, both read again in the
    /// statement that inserts: a password that was changed while its hash was being computed opens nothing. What is too
    /// many then is ended. The epoch that its tokens are of; `None` if nothing was opened.
    pub async fn open_session(
        &self,
        new: NewSession,
        proof: ProofEpoch,
        act: &Act,
    ) -> Result<Option<Epoch>, StoreError> {
        let act = act.clone();
        self.transact(act.now, move |transaction| {
            let (new, act) = (new.clone(), act.clone());
            Box::pin(async move {
                transaction.lock([new.session.user_id]).await?;
                if !transaction.insert_session(&new, proof).await? {
                    return Ok(None);
                }
                transaction.evict(&new, &act).await?;
                transaction.epoch_of(new.session.user_id).await.map(Some)
            })
        })
        .await
    }

    /// The session of this id and its user, read at one moment.
    pub async fn lookup_session_with_user(
        &self,
        id: SessionId,
    ) -> Result<Option<(Session, User)>, StoreError> {
        let select = Entity::find()
            .select_only()
            .columns(COLUMNS)
            .columns(USER_COLUMNS)
            .join(JoinType::InnerJoin, Relation::User.def())
            .filter(users::Column::State.ne(DELETED))
            .filter(Column::Id.eq(bytes(id.as_uuid())));
        let found = self.find(&select.into_query()).await?;
        found.map(|result| read_both(&result)).transpose()
    }

    /// The live sessions of a user, the last used first.
    pub async fn list_sessions(
        &self,
        user: UserId,
        now: Timestamp,
        limits: &SessionLimits,
        at_most: u64,
    ) -> Result<Vec<Session>, StoreError> {
        let select = Entity::find()
            .select_only()
            .columns(COLUMNS)
            .filter(Column::UserId.eq(bytes(user.as_uuid())))
            .filter(live(now, limits))
            .order_by_desc(Column::Used)
            .order_by_desc(Column::Id)
            .limit(at_most);
        let rows = self.find_all(&select.into_query()).await?;
        rows.iter().map(|result| read_session(&Row::new(result, &COLUMNS, 0))).collect()
    }

    /// Notes that a token of this epoch is issued from a session, and how long tokens of it may live from now on. False if
    /// the session is not live at `now` any more, or its user not active and of that epoch: what has revoked the older
    /// tokens has counted on how long they could live. Of two notes the later moments stay, in whatever order they arrive.
    pub async fn record_use(
        &self,
        id: SessionId,
        now: Timestamp,
        (epoch, tokens_until): (Epoch, Timestamp),
        limits: &SessionLimits,
    ) -> Result<bool, StoreError> {
        let update = Query::update()
            .table(Entity)
            .value(Column::Used, later(Expr::col(Column::Used), now))
            .value(Column::TokensUntil, later(Expr::from(until()), tokens_until))
            .and_where(Expr::col(Column::Id).eq(bytes(id.as_uuid())))
            .cond_where(live(now, limits))
            .and_where(Expr::exists(owner_of(epoch)))
            .to_owned();
        Ok(self.execute(&update).await? == 1)
    }
}

impl Transaction {
    /// Inserts a session if its user is active and its password's proofs of this generation. Whether it did.
    pub(super) async fn insert_session(
        &self,
        new: &NewSession,
        proof: ProofEpoch,
    ) -> Result<bool, StoreError> {
        let mut deciding = Query::select();
        for value in row_of(new) {
            deciding.expr(value);
        }
        deciding
            .from(users::Entity)
            .and_where(Expr::col(users::Column::Id).eq(bytes(new.session.user_id.as_uuid())))
            .and_where(is_of_proof(proof))
            .and_where(Expr::col(users::Column::State).eq(state_code(UserState::Active)));
        let insert = Query::insert()
            .into_table(Entity)
            .columns(INSERTED)
            .select_from(deciding)
            .map_err(StoreError::unexpected)?
            .to_owned();
        Ok(self.execute(&insert).await? == 1)
    }

    /// Ends the sessions that are too many beside a new one, those that were not used for the longest time: of those with
    /// refresh tokens if it has one, and of those without if it has none.
    async fn evict(&mut self, new: &NewSession, act: &Act) -> Result<(), StoreError> {
        let (allowed, of_its_kind) = match new.refresh {
            Some(_) => (new.limits.per_user, Expr::col(Column::Generation).ne(NO_GENERATION)),
            None => (new.limits.room_without_refresh(), Expr::col(Column::Generation).eq(NO_GENERATION)),
        };
        let Some(allowed) = allowed else { return Ok(()) };
        let user = new.session.user_id;
        let select = Query::select()
            .columns(ENDED_COLUMNS)
            .from(Entity)
            .and_where(Expr::col(Column::UserId).eq(bytes(user.as_uuid())))
            .and_where(Expr::col(Column::Id).ne(bytes(new.session.id.as_uuid())))
            .and_where(of_its_kind)
            .cond_where(live(self.now, &new.limits))
            .order_by(Column::Used, Order::Desc)
            .order_by(Column::Id, Order::Desc)
            .limit(MOST_EVICTED)
            .offset(u64::from(allowed.saturating_sub(1)))
            .to_owned();
        let evicted = self.find_all(&select).await?.iter().map(read_ended).collect::<Result<Vec<_>, _>>()?;
        let Some(last) = evicted.last() else { return Ok(()) };
        self.record_end(&evicted).await?;
        let event = act.event(EventKind::SessionEvicted, Some(user)).of_session(last.id).times(evicted.len());
        self.insert_event(&event).await?;
        self.revoke_sessions(user, &evicted, true).await
    }
}

/// What [`EndedSession`] is read from.
pub(super) const ENDED_COLUMNS: [Column; 3] = [Column::Id, Column::TokensUntil, Column::Expires];

/// Reads [`ENDED_COLUMNS`].
pub(super) fn read_ended(result: &QueryResult) -> Result<EndedSession, StoreError> {
    let row = Row::<Entity>::new(result, &ENDED_COLUMNS, 0);
    Ok(EndedSession { id: SessionId::from_uuid(row.id(Column::Id)?), tokens_until: read_until(&row)? })
}

/// Whether a session is live: the rule of [`Session::standing`] for the database.
pub(super) fn live(now: Timestamp, limits: &SessionLimits) -> Condition {
    Condition::all()
        .add(Expr::col(Column::Ended).is_null())
        .add(Expr::col(Column::Expires).gt(now.as_millis()))
        .add(Expr::col(Column::Created).gt(now.minus(limits.absolute).as_millis()))
        .add(Expr::col(Column::Used).gt(now.minus(limits.idle).as_millis()))
}

/// How long tokens of a session may live, whoever wrote its row.
pub(super) fn until() -> FunctionCall {
    Func::coalesce([Expr::col(Column::TokensUntil), Expr::col(Column::Expires)])
}

/// The later of what a column holds and a moment.
pub(super) fn later(held: Expr, moment: Timestamp) -> Expr {
    let moment = moment.as_millis();
    Expr::case(held.clone().lt(moment), moment).finally(held).into()
}

fn row_of(new: &NewSession) -> [Expr; 13] {
    let NewSession { session, refresh, .. } = new;
    [
        Expr::val(bytes(session.id.as_uuid())),
        Expr::val(bytes(session.user_id.as_uuid())),
        Expr::val(session.methods.to_string()),
        Expr::val(session.auth_time.as_millis()),
        Expr::val(session.created.as_millis()),
        Expr::val(session.used.as_millis()),
        Expr::val(session.expires.as_millis()),
        Expr::val(session.ended.map(Timestamp::as_millis)),
        Expr::val(session.tokens_until.as_millis()),
        Expr::val(session.origin.user_agent.as_str()),
        Expr::val(session.origin.address.map(|address| address.to_string())),
        Expr::val(refresh.map_or(NO_GENERATION, |_| number(Generation::FIRST))),
        Expr::val(refresh.as_ref().map(|hash| hash.as_bytes().to_vec())),
    ]
}

fn read_both(result: &QueryResult) -> Result<(Session, User), StoreError> {
    let session = read_session(&Row::new(result, &COLUMNS, 0))?;
    let user = read_user(&Row::new(result, &USER_COLUMNS, COLUMNS.len()))?;
    Ok((session, user))
}

/// Reads [`COLUMNS`].
pub(super) fn read_session(row: &Row<'_, Entity>) -> Result<Session, StoreError> {
    let user_agent = row.read::<Option<String>>(Column::UserAgent)?.unwrap_or_default();
    Ok(Session {
        id: SessionId::from_uuid(row.id(Column::Id)?),
        user_id: UserId::from_uuid(row.id(Column::UserId)?),
        methods: row.parse(Column::Amr, |text: String| AuthMethods::parse(&text))?,
        auth_time: row.time(Column::AuthTime)?,
        created: row.time(Column::Created)?,
        used: row.time(Column::Used)?,
        expires: row.time(Column::Expires)?,
        tokens_until: read_until(row)?,
        ended: row.read::<Option<i64>>(Column::Ended)?.map(Timestamp::from_millis),
        origin: Origin { address: row.address(Column::Peer)?, user_agent: UserAgent::cleaned(&user_agent) },
    })
}

fn read_until(row: &Row<'_, Entity>) -> Result<Timestamp, StoreError> {
    match row.read::<Option<i64>>(Column::TokensUntil)? {
        Some(millis) => Ok(Timestamp::from_millis(millis)),
        None => row.time(Column::Expires),
    }
}
