//! Users and their stored passwords.

use std::time::Duration;

use sea_orm::sea_query::{Condition, Expr, ExprTrait, Query};
use sea_orm::{
    ColumnTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QueryResult, QuerySelect, QueryTrait, SqlErr,
};

use super::entity::users::{Column, Entity};
use super::row::{Row, bytes};
use super::transaction::Transaction;
use super::{ActError, Store, StoreError};
use crate::domain::{
    Act, Epoch, EventKind, Roles, StoredPassword, Timestamp, User, UserId, UserState, Username,
};

/// What a [`User`] is made of.
pub(super) const USER_COLUMNS: [Column; 7] = [
    Column::Id,
    Column::NameShown,
    Column::Roles,
    Column::State,
    Column::Epoch,
    Column::Collapses,
    Column::Created,
];

/// The same and the password: asked for by name alone, where it is about to be checked.
const WITH_PASSWORD: [Column; 8] = [
    Column::Id,
    Column::NameShown,
    Column::Roles,
    Column::State,
    Column::Epoch,
    Column::Collapses,
    Column::Created,
    Column::PasswordHash,
];

/// Between roles; no role contains it.
pub(super) const ROLE_SEPARATOR: char = ',';

/// The state of a row that is there only so that its name rests. Nobody is given such a user.
pub(super) const DELETED: i16 = 3;

/// How long the name of a deleted user rests: whoever takes it then shall not be taken for its former owner.
const NAME_REST: Duration = Duration::from_secs(90 * 86_400);

/// The first byte of the name of a row whose own name was given away; no name starts so.
const NAMELESS: u8 = 0;

/// The columns of a new row.
const INSERTED: [Column; 8] = [
    Column::Id,
    Column::NameMapped,
    Column::NameShown,
    Column::PasswordHash,
    Column::Roles,
    Column::State,
    Column::Epoch,
    Column::Created,
];

impl Store {
    /// Inserts a new user. Of several that ask for one name, in whatever spelling, one gets it. Whoever does it for another
    /// must still be who it was: hashing the password took its time.
    pub async fn insert_user(
        &self,
        user: &User,
        password: &StoredPassword,
        act: &Act,
    ) -> Result<(), ActError> {
        let row = row_of(user, password);
        let user = user.clone();
        self.perform(act, None, move |transaction, act| {
            let (row, user) = (row.clone(), user.clone());
            Box::pin(async move {
                transaction.release_rested_name(&user.username).await?;
                let insert = Query::insert()
                    .into_table(Entity)
                    .columns(INSERTED)
                    .values(row)
                    .map_err(StoreError::unexpected)?
                    .to_owned();
                match transaction.execute(&insert).await {
                    Ok(_) => {}
                    Err(error) if is_name_taken(&error) => return Err(ActError::NameTaken),
                    Err(error) => return Err(error.into()),
                }
                // Who registers by itself is no event; who is made by somebody, or with roles, is.
                if act.actor.is_some() || user.roles != Roles::default() {
                    let event = act.event(EventKind::UserCreated, Some(user.id));
                    let detail = format!("[{}]", joined(&user.roles));
                    transaction.insert_event(&event.with_detail(detail)).await?;
                }
                Ok(())
            })
        })
        .await
    }

    /// Whether a name is another user's, or was one's not long ago. The insert decides; this spares it a hash.
    pub async fn is_name_taken(&self, name: &Username, now: Timestamp) -> Result<bool, StoreError> {
        let select = Entity::find()
            .select_only()
            .column(Column::Id)
            .filter(Column::NameMapped.eq(name.mapped().as_bytes().to_vec()))
            .filter(
                Condition::any()
                    .add(Column::State.ne(DELETED))
                    .add(Expr::col(Column::Deleted).gt(rested(now))),
            );
        Ok(self.find(&select.into_query()).await?.is_some())
    }

    /// The users after the one of this id, in the order of their making.
    pub async fn list_users(&self, after: Option<UserId>, at_most: u64) -> Result<Vec<User>, StoreError> {
        let mut select = Entity::find()
            .select_only()
            .columns(USER_COLUMNS)
            .filter(Column::State.ne(DELETED))
            .order_by_asc(Column::Id)
            .limit(at_most);
        if let Some(id) = after {
            select = select.filter(Column::Id.gt(bytes(id.as_uuid())));
        }
        let rows = self.find_all(&select.into_query()).await?;
        rows.iter().map(|result| read_user(&Row::new(result, &USER_COLUMNS, 0))).collect()
    }

    /// The user of this id, and its password.
    pub async fn lookup_user_with_password(
        &self,
        id: UserId,
    ) -> Result<Option<(User, StoredPassword)>, StoreError> {
        let select = Entity::find()
            .select_only()
            .columns(WITH_PASSWORD)
            .filter(Column::Id.eq(bytes(id.as_uuid())))
            .filter(Column::State.ne(DELETED));
        let found = self.find(&select.into_query()).await?;
        found.map(|result| read_with_password(&Row::new(&result, &WITH_PASSWORD, 0))).transpose()
    }

    /// The user of this name, in whatever spelling, and its password.
    pub async fn find_user_by_name(
        &self,
        name: &Username,
    ) -> Result<Option<(User, StoredPassword)>, StoreError> {
        let select = Entity::find()
            .select_only()
            .columns(WITH_PASSWORD)
            .filter(Column::NameMapped.eq(name.mapped().as_bytes().to_vec()))
            .filter(Column::State.ne(DELETED));
        let found = self.find(&select.into_query()).await?;
        found.map(|result| read_named(&result, name)).transpose()
    }

    /// Replaces the hash of an unchanged password by a costlier one. False, and nothing is written, if the password is
    /// no longer `old`: whoever changed it meanwhile wins. Tokens live on, since the password is the same.
    pub async fn record_upgraded_password(
        &self,
        id: UserId,
        old: &StoredPassword,
        new: &StoredPassword,
    ) -> Result<bool, StoreError> {
        let update = Query::update()
            .table(Entity)
            .value(Column::PasswordHash, new.expose_phc())
            .and_where(Expr::col(Column::Id).eq(bytes(id.as_uuid())))
            .and_where(Expr::col(Column::PasswordHash).eq(old.expose_phc()))
            .to_owned();
        Ok(self.execute(&update).await? == 1)
    }
}

impl Transaction {
    /// Takes the name from a deleted user whose name has rested.
    async fn release_rested_name(&self, name: &Username) -> Result<(), StoreError> {
        let select = Query::select()
            .column(Column::Id)
            .from(Entity)
            .and_where(Expr::col(Column::NameMapped).eq(name.mapped().as_bytes().to_vec()))
            .and_where(Expr::col(Column::State).eq(DELETED))
            .and_where(Expr::col(Column::Deleted).lte(rested(self.now)))
            .to_owned();
        let Some(found) = self.find(&select).await? else { return Ok(()) };
        let id = Row::<Entity>::new(&found, &[Column::Id], 0).id(Column::Id)?;
        let nameless = [&[NAMELESS], id.as_bytes().as_slice()].concat();
        let update = Query::update()
            .table(Entity)
            .value(Column::NameMapped, nameless)
            .and_where(Expr::col(Column::Id).eq(bytes(id)))
            .to_owned();
        self.execute(&update).await?;
        Ok(())
    }
}

/// A user that was deleted at this moment or before is past its name's rest.
pub(super) fn rested(now: Timestamp) -> i64 {
    now.minus(NAME_REST).as_millis()
}

/// Roles as a row holds them.
pub(super) fn joined(roles: &Roles) -> String {
    roles.iter().collect::<Vec<_>>().join(&ROLE_SEPARATOR.to_string())
}

/// Reads [`USER_COLUMNS`].
pub(super) fn read_user(row: &Row<'_, Entity>) -> Result<User, StoreError> {
    Ok(User {
        id: UserId::from_uuid(row.id(Column::Id)?),
        username: row.parse(Column::NameShown, |text: String| Username::parse(&text).ok())?,
        roles: row.parse(Column::Roles, |text: String| {
            Roles::parse(text.split(ROLE_SEPARATOR).filter(|role| !role.is_empty())).ok()
        })?,
        state: row.parse(Column::State, state_of)?,
        epoch: Epoch::from_number(row.read(Column::Epoch)?),
        collapses: row.read(Column::Collapses)?,
        created: row.time(Column::Created)?,
    })
}

/// The number that stands for `state`.
pub(super) const fn state_code(state: UserState) -> i16 {
    match state {
        UserState::Active => 1,
        UserState::Disabled => 2,
    }
}

fn state_of(code: i16) -> Option<UserState> {
    [UserState::Active, UserState::Disabled].into_iter().find(|state| state_code(*state) == code)
}

fn read_named(result: &QueryResult, name: &Username) -> Result<(User, StoredPassword), StoreError> {
    let row = Row::new(result, &WITH_PASSWORD, 0);
    let (user, password) = read_with_password(&row)?;
    // Otherwise one user's password would open another's account.
    if user.username.mapped() != name.mapped() {
        return Err(row.damaged(Column::NameShown));
    }
    Ok((user, password))
}

fn read_with_password(row: &Row<'_, Entity>) -> Result<(User, StoredPassword), StoreError> {
    let password = row.parse(Column::PasswordHash, |text: String| Some(StoredPassword::from_phc(text)))?;
    Ok((read_user(row)?, password))
}

/// The values of [`INSERTED`].
fn row_of(user: &User, password: &StoredPassword) -> [Expr; 8] {
    [
        Expr::val(bytes(user.id.as_uuid())),
        Expr::val(user.username.mapped().as_bytes().to_vec()),
        Expr::val(user.username.shown()),
        Expr::val(password.expose_phc()),
        Expr::val(joined(&user.roles)),
        Expr::val(state_code(user.state)),
        Expr::val(user.epoch.number()),
        Expr::val(user.created.as_millis()),
    ]
}

/// Every database names the broken constraint after the column; another one would be a defect, not a taken name.
fn is_name_taken(error: &DbErr) -> bool {
    match error.sql_err() {
        Some(SqlErr::UniqueConstraintViolation(message)) => message.contains("name_mapped"),
        _ => false,
    }
}
