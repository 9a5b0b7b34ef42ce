//! Sessions.

use sea_orm::sea_query::{Expr, ExprTrait, Query};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, JoinType, QueryFilter, QueryResult, QuerySelect, QueryTrait,
    RelationTrait,
};

use crate::domain::{AuthMethods, Epoch, Session, SessionId, Timestamp, User, UserId, UserState};

use super::entity::sessions::{Column, Entity, Relation};
use super::entity::users;
use super::row::{Row, bytes};
use super::users::{USER_COLUMNS, read_user, state_code};
use super::{Store, StoreError};

/// What a [`Session`] is made of: the whole row.
const COLUMNS: [Column; 8] = [
    Column::Id,
    Column::UserId,
    Column::Amr,
    Column::AuthTime,
    Column::Created,
    Column::Used,
    Column::Expires,
    Column::Ended,
];

impl Store {
    /// Opens `session` if its user is active and still of `epoch`, both read again in the statement that inserts: a
    /// password that was changed while its hash was being computed opens nothing. False if nothing was opened.
    pub async fn open_session(&self, session: &Session, epoch: Epoch) -> Result<bool, StoreError> {
        let deciding = Query::select()
            .expr(Expr::val(bytes(session.id.as_uuid())))
            .column(users::Column::Id)
            .expr(Expr::val(session.methods.to_string()))
            .expr(Expr::val(session.auth_time.as_millis()))
            .expr(Expr::val(session.created.as_millis()))
            .expr(Expr::val(session.used.as_millis()))
            .expr(Expr::val(session.expires.as_millis()))
            .expr(Expr::val(session.ended.map(Timestamp::as_millis)))
            .from(users::Entity)
            .and_where(Expr::col(users::Column::Id).eq(bytes(session.user_id.as_uuid())))
            .and_where(Expr::col(users::Column::Epoch).eq(epoch.number()))
            .and_where(Expr::col(users::Column::State).eq(state_code(UserState::Active)))
            .to_owned();
        let insert = Query::insert()
            .into_table(Entity)
            .columns(COLUMNS)
            .select_from(deciding)
            .map_err(StoreError::unexpected)?
            .to_owned();
        Ok(self.execute(&insert).await? == 1)
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
            .filter(Column::Id.eq(bytes(id.as_uuid())));
        let found = self.readers().query_one(&select.into_query()).await?;
        found.map(|result| read_both(&result)).transpose()
    }

    /// Notes that a token was issued from a session. False if the session is not live at `now` any more. Of two notes
    /// the later moment stays, in whatever order they arrive.
    pub async fn record_use(&self, id: SessionId, now: Timestamp) -> Result<bool, StoreError> {
        let now = now.as_millis();
        let later = Expr::case(Expr::col(Column::Used).lt(now), now).finally(Expr::col(Column::Used));
        let update = Query::update()
            .table(Entity)
            .value(Column::Used, later)
            .and_where(Expr::col(Column::Id).eq(bytes(id.as_uuid())))
            .and_where(Expr::col(Column::Ended).is_null())
            .and_where(Expr::col(Column::Expires).gt(now))
            .to_owned();
        Ok(self.execute(&update).await? == 1)
    }
}

fn read_both(result: &QueryResult) -> Result<(Session, User), StoreError> {
    let session = read_session(&Row::new(result, &COLUMNS, 0))?;
    let user = read_user(&Row::new(result, &USER_COLUMNS, COLUMNS.len()))?;
    Ok((session, user))
}

fn read_session(row: &Row<'_, Entity>) -> Result<Session, StoreError> {
    Ok(Session {
        id: SessionId::from_uuid(row.id(Column::Id)?),
        user_id: UserId::from_uuid(row.id(Column::UserId)?),
        methods: row.parse(Column::Amr, |text: String| AuthMethods::parse(&text))?,
        auth_time: row.time(Column::AuthTime)?,
        created: row.time(Column::Created)?,
        used: row.time(Column::Used)?,
        expires: row.time(Column::Expires)?,
        ended: row.read::<Option<i64>>(Column::Ended)?.map(Timestamp::from_millis),
    })
}
