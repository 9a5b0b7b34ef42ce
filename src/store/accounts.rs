//! What happens to a user: its state, its roles, its password, its end. Each is one transaction, which reads what it
//! decides on and ends what has to end.

use sea_orm::sea_query::{Expr, ExprTrait, Query, UpdateStatement};

use super::entity::reset_codes;
use super::entity::users::{Column, Entity};
use super::proof::is_of_proof;
use super::row::{Row, bytes};
use super::sessions::NewSession;
use super::transaction::Transaction;
use super::trust_log::Raise;
use super::users::{DELETED, ROLE_SEPARATOR, USER_COLUMNS, joined, read_user, state_code};
use super::{ActError, Store, StoreError};
use crate::domain::{
    Act, Epoch, EventKind, ProofEpoch, Roles, SessionLimits, StoredPassword, TokenHash, User, UserId,
    UserState,
};

/// The role that must not die out.
const ADMIN: &str = "admin";

impl Store {
    /// Disables a user and ends its sessions; one that is disabled stays as it is. The user as it is then.
    pub async fn disable_user(&self, id: UserId, limits: SessionLimits, act: &Act) -> Result<User, ActError> {
        self.perform(act, id, move |transaction, act| {
            Box::pin(async move {
                let user = transaction.require_user(id).await?;
                let Ok(state) = user.state.disable() else { return Ok(user) };
                let update = change(id).value(Column::State, state_code(state)).to_owned();
                transaction.execute(&update).await?;
                transaction.discard_reset_code(id).await?;
                let (_, epoch) = transaction.end_all(id, &limits).await?;
                transaction.keep_an_admin(&user).await?;
                transaction.insert_event(&act.event(EventKind::UserDisabled, Some(id))).await?;
                Ok(User { state, epoch, ..user })
            })
        })
        .await
    }

    /// Enables a user; one that is not disabled stays as it is. The user as it is then.
    pub async fn enable_user(&self, id: UserId, act: &Act) -> Result<User, ActError> {
        self.perform(act, id, move |transaction, act| {
            Box::pin(async move {
                let user = transaction.require_user(id).await?;
                let Ok(state) = user.state.enable() else { return Ok(user) };
                let update = change(id).value(Column::State, state_code(state)).to_owned();
                transaction.execute(&update).await?;
                transaction.insert_event(&act.event(EventKind::UserEnabled, Some(id))).await?;
                Ok(User { state, ..user })
            })
        })
        .await
    }

    /// Gives a user exactly these roles. Its tokens end, its sessions do not. If it has them already, nothing happens.
    pub async fn set_roles(&self, id: UserId, roles: Roles, act: &Act) -> Result<User, ActError> {
        self.perform(act, id, move |transaction, act| {
            let roles = roles.clone();
            Box::pin(async move {
                let user = transaction.require_user(id).await?;
                if user.roles == roles {
                    return Ok(user);
                }
                transaction.execute(&change(id).value(Column::Roles, joined(&roles)).to_owned()).await?;
                let epoch = transaction.raise_epoch(id, Raise::ToEnd).await?;
                if !roles.has(ADMIN) {
                    transaction.keep_an_admin(&user).await?;
                }
                let detail = format!("[{}] -> [{}]", joined(&user.roles), joined(&roles));
                let event = act.event(EventKind::RolesChanged, Some(id)).with_detail(detail);
                transaction.insert_event(&event).await?;
                Ok(User { roles, epoch, ..user })
            })
        })
        .await
    }

    /// Sets a new password, ends all sessions and opens `fresh`, if the user is active and who it was when its old
    /// password was proven. The epoch that the fresh session's tokens are of.
    pub async fn change_password(
        &self,
        (id, proof): (UserId, ProofEpoch),
        password: StoredPassword,
        fresh: NewSession,
        act: &Act,
    ) -> Result<Epoch, ActError> {
        self.perform(act, id, move |transaction, act| {
            let (password, fresh) = (password.clone(), fresh.clone());
            Box::pin(async move {
                transaction.set_password(id, Some(proof), &password).await?;
                let (_, epoch) = transaction.end_all(id, &fresh.limits).await?;
                if !transaction.insert_session(&fresh, proof.next()).await? {
                    return Err(ActError::Stale);
                }
                transaction.insert_event(&act.event(EventKind::PasswordChanged, Some(id))).await?;
                Ok(epoch)
            })
        })
        .await
    }

    /// Spends a reset code: sets a new password and ends all sessions, if the code is its user's, and that is active.
    pub async fn reset_password(
        &self,
        id: UserId,
        code: TokenHash,
        password: StoredPassword,
        (limits, act): (SessionLimits, &Act),
    ) -> Result<(), ActError> {
        let act = act.clone();
        self.transact(act.now, move |transaction| {
            let (act, password) = (act.clone(), password.clone());
            Box::pin(async move {
                transaction.lock([id]).await?;
                if !transaction.spend_reset_code(id, code).await? {
                    return Err(ActError::Stale);
                }
                transaction.set_password(id, None, &password).await?;
                transaction.end_all(id, &limits).await?;
                transaction.insert_event(&act.event(EventKind::PasswordReset, Some(id))).await?;
                Ok(())
            })
        })
        .await
    }

    /// Deletes a user and ends its sessions. If it is by itself, it must be who it was when its password was proven.
    pub async fn delete_user(
        &self,
        id: UserId,
        proven: Option<ProofEpoch>,
        limits: SessionLimits,
        act: &Act,
    ) -> Result<(), ActError> {
        self.perform(act, id, move |transaction, act| {
            Box::pin(async move {
                let user = transaction.require_user(id).await?;
                if proven.is_some_and(|proof| proof != user.proof() || user.state != UserState::Active) {
                    return Err(ActError::Stale);
                }
                transaction.end_all(id, &limits).await?;
                transaction.discard_reset_code(id).await?;
                // The mapped name stays, so that its unique constraint lets it rest.
                let update = change(id)
                    .value(Column::State, DELETED)
                    .value(Column::Deleted, act.now.as_millis())
                    .value(Column::NameShown, "")
                    .value(Column::PasswordHash, "")
                    .value(Column::Roles, "")
                    .to_owned();
                transaction.execute(&update).await?;
                transaction.keep_an_admin(&user).await?;
                let name = user.username.shown().to_owned();
                let event = act.event(EventKind::UserDeleted, Some(id)).with_detail(name);
                transaction.insert_event(&event).await?;
                Ok(())
            })
        })
        .await
    }
}

impl Transaction {
    /// The user, if it is there and not deleted.
    pub(super) async fn require_user(&self, id: UserId) -> Result<User, ActError> {
        let select = Query::select()
            .columns(USER_COLUMNS)
            .from(Entity)
            .and_where(Expr::col(Column::Id).eq(bytes(id.as_uuid())))
            .and_where(Expr::col(Column::State).ne(DELETED))
            .to_owned();
        let found = self.find(&select).await?.ok_or(ActError::UserNotFound)?;
        Ok(read_user(&Row::new(&found, &USER_COLUMNS, 0))?)
    }

    /// Refuses if nobody but `user` is an active admin. It reads all users until it finds another; asked only where an
    /// admin stops being one. Two who do, in transactions that run at once, wait for each other; and all who revoke wait for it, so it
    /// comes after all that may last.
    async fn keep_an_admin(&self, user: &User) -> Result<(), ActError> {
        if user.state != UserState::Active || !user.roles.has(ADMIN) {
            return Ok(());
        }
        self.lock_everything().await?;
        // Sorted and separated: it is all of the text, or its beginning, its middle or its end.
        let roles = || Expr::col(Column::Roles);
        let select = Query::select()
            .expr(Expr::val(1))
            .from(Entity)
            .and_where(Expr::col(Column::Id).ne(bytes(user.id.as_uuid())))
            .and_where(Expr::col(Column::State).eq(state_code(UserState::Active)))
            .and_where(
                roles()
                    .eq(ADMIN)
                    .or(roles().like(format!("{ADMIN}{ROLE_SEPARATOR}%")))
                    .or(roles().like(format!("%{ROLE_SEPARATOR}{ADMIN}{ROLE_SEPARATOR}%")))
                    .or(roles().like(format!("%{ROLE_SEPARATOR}{ADMIN}"))),
            )
            .limit(1)
            .to_owned();
        if self.find(&select).await?.is_some() { Ok(()) } else { Err(ActError::LastAdmin) }
    }

    /// Sets the password of an active user, whose proofs must be of this generation if one is given.
    async fn set_password(
        &self,
        id: UserId,
        proof: Option<ProofEpoch>,
        password: &StoredPassword,
    ) -> Result<(), ActError> {
        let mut update = change(id)
            .value(Column::PasswordHash, password.expose_phc())
            .and_where(Expr::col(Column::State).eq(state_code(UserState::Active)))
            .to_owned();
        if let Some(proof) = proof {
            update.and_where(is_of_proof(proof));
        }
        if self.execute(&update).await? == 0 {
            return Err(ActError::Stale);
        }
        self.discard_reset_code(id).await?;
        Ok(())
    }

    async fn discard_reset_code(&self, id: UserId) -> Result<(), StoreError> {
        let delete = Query::delete()
            .from_table(reset_codes::Entity)
            .and_where(Expr::col(reset_codes::Column::UserId).eq(bytes(id.as_uuid())))
            .to_owned();
        self.execute(&delete).await?;
        Ok(())
    }
}

fn change(id: UserId) -> UpdateStatement {
    Query::update().table(Entity).and_where(Expr::col(Column::Id).eq(bytes(id.as_uuid()))).to_owned()
}
