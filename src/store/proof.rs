//! Whether what was proven still holds: the condition in the statement that decides, and the check of who acts.

use std::sync::Arc;

use sea_orm::sea_query::{Expr, ExprTrait, LockType, Query, SelectStatement};

use super::entity::sessions;
use super::entity::users::{Column, Entity};
use super::row::bytes;
use super::transaction::{Transaction, Work};
use super::users::state_code;
use super::{ActError, Store};
use crate::domain::{Act, Epoch, ProofEpoch, ProvenAt, UserId, UserState};

impl Store {
    /// Does something on somebody's behalf, to `subject` if it is about a user, in a transaction of its own: if who acts
    /// still may.
    pub(super) async fn perform<T, F>(
        &self,
        act: &Act,
        subject: impl Into<Option<UserId>>,
        work: F,
    ) -> Result<T, ActError>
    where
        T: Send + 'static,
        F: for<'a> Fn(&'a mut Transaction, &'a Act) -> Work<'a, T, ActError> + Send + Sync + 'static,
    {
        let (act, subject, work) = (act.clone(), subject.into(), Arc::new(work));
        self.transact(act.now, move |transaction| {
            let (act, work) = (act.clone(), Arc::clone(&work));
            Box::pin(async move {
                transaction
                    .lock(subject.into_iter().chain(act.actor.as_ref().map(|actor| actor.at.id)))
                    .await?;
                transaction.check_actor(&act).await?;
                work(transaction, &act).await
            })
        })
        .await
    }
}

impl Transaction {
    /// Whether who acts still may: its user is active and of the same epoch, and its token's session was not ended.
    async fn check_actor(&self, act: &Act) -> Result<(), ActError> {
        let Some(actor) = &act.actor else { return Ok(()) };
        let user = Query::select()
            .expr(Expr::val(1))
            .from(Entity)
            .and_where(Expr::col(Column::Id).eq(bytes(actor.at.id.as_uuid())))
            .and_where(still_proven(actor.at.proven))
            .and_where(Expr::col(Column::State).eq(state_code(UserState::Active)))
            .to_owned();
        let stands = self.find(&user).await?.is_some();
        let session = match actor.session {
            Some(id) if stands => {
                let live = Query::select()
                    .expr(Expr::val(1))
                    .from(sessions::Entity)
                    .and_where(Expr::col(sessions::Column::Id).eq(bytes(id.as_uuid())))
                    .and_where(Expr::col(sessions::Column::Ended).is_null())
                    .to_owned();
                self.find(&live).await?.is_some()
            }
            _ => true,
        };
        if stands && session { Ok(()) } else { Err(ActError::NotAllowedAnyMore) }
    }
}

/// Whether a user's password has been the same, and all that its proofs depend on, since this one.
pub(super) fn is_of_proof(proof: ProofEpoch) -> Expr {
    Expr::col(Column::Epoch).sub(Expr::col(Column::Collapses)).eq(proof.number())
}

/// Whether what was proven still holds.
fn still_proven(proven: ProvenAt) -> Expr {
    match proven {
        ProvenAt::Token(epoch) => Expr::col(Column::Epoch).eq(epoch.number()),
        ProvenAt::Password(proof) => is_of_proof(proof),
    }
}

/// The active user of a session, of this epoch, who stays so until the statement is over: without the lock an epoch that is
/// raised at the same moment would not be seen, and what revokes its tokens would not know of this one.
pub(super) fn owner_of(epoch: Epoch) -> SelectStatement {
    Query::select()
        .expr(Expr::val(1))
        .from(Entity)
        .and_where(Expr::col((Entity, Column::Id)).equals((sessions::Entity, sessions::Column::UserId)))
        .and_where(Expr::col((Entity, Column::Epoch)).eq(epoch.number()))
        .and_where(Expr::col((Entity, Column::State)).eq(state_code(UserState::Active)))
        .lock(LockType::Update)
        .to_owned()
}
