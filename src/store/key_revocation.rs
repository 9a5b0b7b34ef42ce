//! Revoking signing keys: the ring without them, their entries in the trust log, and whatever else has to end, at once.

use countersign_verify::{KeyId, Revoked};
use sea_orm::DbErr;
use sea_orm::sea_query::{Expr, ExprTrait, Query};

use super::entity::{key_ring, reset_codes, server_key};
use super::transaction::Transaction;
use super::{ActError, Store, StoredServerKey};
use crate::domain::{Act, EventKind, SecurityEvent, Timestamp};

/// Keys that are no more.
#[derive(Clone, Debug)]
pub struct KeyRevocation {
    /// The version of the ring that this was decided on.
    pub version: i64,
    /// The ring without the keys.
    pub document: String,
    /// The keys, each with the moment at which its last token has expired.
    pub keys: Vec<(KeyId, Timestamp)>,
    /// The server key that takes the old one's place, if everything is revoked: refresh tokens and reset codes end with
    /// it, and all sessions.
    pub everything: Option<StoredServerKey>,
}

impl Store {
    /// Revokes keys. False, and nothing has happened, if the ring has another version by now.
    pub async fn revoke_keys(&self, revocation: KeyRevocation, act: &Act) -> Result<bool, ActError> {
        self.perform(act, None, move |transaction, act| {
            let revocation = revocation.clone();
            Box::pin(async move {
                if !transaction.replace_ring(revocation.version, &revocation.document).await? {
                    return Ok(false);
                }
                if let Some(key) = &revocation.everything {
                    transaction.end_everything(key).await?;
                }
                let mut names = Vec::new();
                for (key_id, forget_at) in revocation.keys {
                    names.push(key_id.to_string());
                    transaction.revoked.push((Revoked::Key(key_id), forget_at));
                }
                let event = act.event(EventKind::KeysRevoked, None).with_detail(names.join(" "));
                transaction.insert_event(&event).await?;
                Ok(true)
            })
        })
        .await
    }
}

impl Store {
    /// Replaces the ring, with an event. False, and nothing has happened, if it has another version by now.
    pub async fn rotate_ring(
        &self,
        version: i64,
        document: String,
        event: SecurityEvent,
        act: &Act,
    ) -> Result<bool, ActError> {
        self.perform(act, None, move |transaction, _| {
            let (document, event) = (document.clone(), event.clone());
            Box::pin(async move {
                let replaced = transaction.replace_ring(version, &document).await?;
                if replaced {
                    transaction.insert_event(&event).await?;
                }
                Ok(replaced)
            })
        })
        .await
    }
}

impl Transaction {
    /// Replaces the ring of a version by the next one. Whether it was still that.
    pub(super) async fn replace_ring(&mut self, version: i64, document: &str) -> Result<bool, DbErr> {
        self.has_news = true;
        use key_ring::{Column, Entity};
        let update = Query::update()
            .table(Entity)
            .value(Column::Version, version + 1)
            .value(Column::Document, document)
            .and_where(Expr::col(Column::Version).eq(version))
            .to_owned();
        Ok(self.execute(&update).await? == 1)
    }

    /// What a leaked master key or database puts into other hands.
    async fn end_everything(&self, key: &StoredServerKey) -> Result<(), ActError> {
        self.replace_server_key(key).await?;
        // However many there are: this is the way out.
        self.take_its_time().await?;
        self.end_every_session().await?;
        self.execute(Query::delete().from_table(reset_codes::Entity)).await?;
        Ok(())
    }

    /// Puts another server key in the place of whichever is there.
    pub(super) async fn replace_server_key(&self, key: &StoredServerKey) -> Result<(), DbErr> {
        let replace = Query::update()
            .table(server_key::Entity)
            .value(server_key::Column::Version, Expr::col(server_key::Column::Version).add(1_i64))
            .value(server_key::Column::WrappedKey, key.wrapped_key.as_str())
            .value(server_key::Column::WrappedBy, key.wrapped_by.as_str())
            .to_owned();
        self.execute(&replace).await?;
        Ok(())
    }
}
