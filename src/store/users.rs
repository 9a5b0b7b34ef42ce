//! Users and their stored passwords.

use sea_orm::sea_query::{Expr, ExprTrait, Query, SelectStatement};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryResult, QuerySelect, QueryTrait,
    SqlErr,
};

use crate::domain::{Epoch, Roles, StoredPassword, User, UserAt, UserId, UserState, Username};

use super::entity::users::{Column, Entity};
use super::row::{Row, bytes};
use super::{InsertUserError, Store, StoreError};

/// What a [`User`] is made of.
pub(super) const USER_COLUMNS: [Column; 6] =
    [Column::Id, Column::NameShown, Column::Roles, Column::State, Column::Epoch, Column::Created];

/// The same and the password: asked for by name alone, where it is about to be checked.
const WITH_PASSWORD: [Column; 7] = [
    Column::Id,
    Column::NameShown,
    Column::Roles,
    Column::State,
    Column::Epoch,
    Column::Created,
    Column::PasswordHash,
];

/// Between roles; no role contains it.
const ROLE_SEPARATOR: char = ',';

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
    /// Inserts a new user. Of several that ask for one name, in whatever spelling, one gets it. If it is done by another
    /// user, that one must still be active and of its epoch, which the statement that inserts reads again: hashing the
    /// password took its time.
    pub async fn insert_user(
        &self,
        user: &User,
        password: &StoredPassword,
        by: Option<UserAt>,
    ) -> Result<(), InsertUserError> {
        let row = row_of(user, password);
        let mut insert = Query::insert().into_table(Entity).columns(INSERTED).to_owned();
        let insert = match by {
            None => insert.values(row).map_err(StoreError::unexpected)?,
            Some(by) => insert.select_from(row_while(row, by)).map_err(StoreError::unexpected)?,
        };
        match self.execute(insert).await {
            Ok(0) => Err(InsertUserError::NotAllowedAnyMore),
            Ok(_) => Ok(()),
            Err(error) if is_name_taken(&error) => Err(InsertUserError::NameTaken),
            Err(error) => Err(error.into()),
        }
    }

    /// The user of this id.
    pub async fn lookup_user(&self, id: UserId) -> Result<Option<User>, StoreError> {
        let select =
            Entity::find().select_only().columns(USER_COLUMNS).filter(Column::Id.eq(bytes(id.as_uuid())));
        let found = self.readers().query_one(&select.into_query()).await?;
        found.map(|result| read_user(&Row::new(&result, &USER_COLUMNS, 0))).transpose()
    }

    /// The user of this name, in whatever spelling, and its password.
    pub async fn find_user_by_name(
        &self,
        name: &Username,
    ) -> Result<Option<(User, StoredPassword)>, StoreError> {
        let select = Entity::find()
            .select_only()
            .columns(WITH_PASSWORD)
            .filter(Column::NameMapped.eq(name.mapped().as_bytes().to_vec()));
        let found = self.readers().query_one(&select.into_query()).await?;
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
    let user = read_user(&row)?;
    // Otherwise one user's password would open another's account.
    if user.username.mapped() != name.mapped() {
        return Err(row.damaged(Column::NameShown));
    }
    let password = row.parse(Column::PasswordHash, |text: String| Some(StoredPassword::from_phc(text)))?;
    Ok((user, password))
}

/// The values of [`INSERTED`].
fn row_of(user: &User, password: &StoredPassword) -> [Expr; 8] {
    let roles: Vec<&str> = user.roles.iter().collect();
    [
        Expr::val(bytes(user.id.as_uuid())),
        Expr::val(user.username.mapped().as_bytes().to_vec()),
        Expr::val(user.username.shown()),
        Expr::val(password.expose_phc()),
        Expr::val(roles.join(&ROLE_SEPARATOR.to_string())),
        Expr::val(state_code(user.state)),
        Expr::val(user.epoch.number()),
        Expr::val(user.created.as_millis()),
    ]
}

/// The row, as long as `by` is who it was.
fn row_while(row: [Expr; 8], by: UserAt) -> SelectStatement {
    let mut select = Query::select();
    for value in row {
        select.expr(value);
    }
    select
        .from(Entity)
        .and_where(Expr::col(Column::Id).eq(bytes(by.id.as_uuid())))
        .and_where(Expr::col(Column::Epoch).eq(by.epoch.number()))
        .and_where(Expr::col(Column::State).eq(state_code(UserState::Active)))
        .to_owned()
}

/// Every database names the broken constraint after the column; another one would be a defect, not a taken name.
fn is_name_taken(error: &DbErr) -> bool {
    match error.sql_err() {
        Some(SqlErr::UniqueConstraintViolation(message)) => message.contains("name_mapped"),
        _ => false,
    }
}
