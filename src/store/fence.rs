//! Fencing a database that is an older copy: whatever was good before ends, so that nothing lives again that was revoked
//! since the copy was made, and nobody has to know what that was.

use countersign_verify::{KeyId, Revoked};
use sea_orm::sea_query::{Expr, ExprTrait, Query};
use sea_orm::{EntityTrait, QuerySelect, QueryTrait};

use super::entity::{key_ring, reset_codes, sessions, trust_counter, users};
use super::maintenance::Maintenance;
use super::origin::Identity;
use super::row::Row;
use super::transaction::Transaction;
use super::trust_counter::ID as COUNTER;
use super::{OpenError, StoreError, StoredServerKey};
use crate::domain::{Act, EventKind, Timestamp};

/// What takes the place of the keys of before.
#[derive(Clone, Debug)]
pub struct Fence {
    /// The new ring.
    pub ring: String,
    /// The new server key: refresh tokens, reset codes and page tokens end with the old one.
    pub server_key: StoredServerKey,
    /// The keys of before, each with the moment at which its last token has expired.
    pub revoked: Vec<(KeyId, Timestamp)>,
}

/// What was ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fenced {
    /// How many users have another epoch.
    pub users: u64,
    /// How many sessions were not over yet.
    pub sessions: u64,
    /// How many signing keys were revoked.
    pub keys: usize,
}

const RING: [key_ring::Column; 3] =
    [key_ring::Column::Id, key_ring::Column::Version, key_ring::Column::Document];

impl Maintenance {
    /// Ends everything of before, in one transaction, and makes the database one that may be served: here, and nowhere else.
    /// `decide` is asked what takes the place of the ring, if there is one; `incarnation` is the trust log's from now on.
    pub async fn fence<E: From<OpenError>>(
        &self,
        incarnation: [u8; 16],
        act: &Act,
        decide: impl FnOnce(&str) -> Result<Fence, E>,
    ) -> Result<Fenced, E> {
        let store = |error: StoreError| E::from(OpenError::from(error));
        self.migrate(act.now).await?;
        let identity = Identity::ask(self.db()).await.map_err(|error| store(error.into()))?;
        let mut transaction = self.begin_writing(act.now).await.map_err(|error| store(error.into()))?;
        let ring = transaction.ring_document().await.map_err(store)?;
        let fence = ring.map(|document| decide(&document)).transpose()?;
        let fenced = transaction.fence(incarnation, fence, act).await.map_err(store)?;
        transaction.write_origin(false, identity).await.map_err(store)?;
        transaction.finish().await.map_err(|error| store(error.into()))?;
        Ok(fenced)
    }
}

impl Transaction {
    async fn ring_document(&self) -> Result<Option<String>, StoreError> {
        let select = key_ring::Entity::find().select_only().columns(RING).into_query();
        let found = self.find(&select).await?;
        let document = |row| Row::<key_ring::Entity>::new(&row, &RING, 0).read(key_ring::Column::Document);
        found.map(document).transpose()
    }

    async fn fence(
        &mut self,
        incarnation: [u8; 16],
        fence: Option<Fence>,
        act: &Act,
    ) -> Result<Fenced, StoreError> {
        self.has_news = true;
        let mut names = vec!["fenced".to_owned()];
        if let Some(fence) = fence {
            let ring = Query::update()
                .table(key_ring::Entity)
                .value(key_ring::Column::Version, Expr::col(key_ring::Column::Version).add(1_i64))
                .value(key_ring::Column::Document, fence.ring)
                .to_owned();
            self.execute(&ring).await?;
            self.replace_server_key(&fence.server_key).await?;
            for (key_id, forget_at) in fence.revoked {
                names.push(key_id.to_string());
                self.revoked.push((Revoked::Key(key_id), forget_at));
            }
        }
        let keys = self.revoked.len();
        let raise = Query::update()
            .table(users::Entity)
            .value(users::Column::Epoch, Expr::col(users::Column::Epoch).add(1_i64))
            .to_owned();
        let users = self.execute(&raise).await?;
        let sessions = self.end_every_session().await?;
        self.execute(Query::delete().from_table(reset_codes::Entity)).await?;
        self.begin_log(incarnation).await?;
        self.insert_event(&act.event(EventKind::KeysRevoked, None).with_detail(names.join(" "))).await?;
        Ok(Fenced { users, sessions, keys })
    }

    /// Ends every session that is not over yet. How many there were.
    pub(super) async fn end_every_session(&self) -> Result<u64, StoreError> {
        let end = Query::update()
            .table(sessions::Entity)
            .value(sessions::Column::Ended, self.now.as_millis())
            .and_where(Expr::col(sessions::Column::Ended).is_null())
            .to_owned();
        Ok(self.execute(&end).await?)
    }

    /// Another life of the trust log: positions of before mean nothing any more, and every verifier gets a snapshot.
    async fn begin_log(&self, incarnation: [u8; 16]) -> Result<(), StoreError> {
        use trust_counter::{Column, Entity};
        let update = Query::update()
            .table(Entity)
            .value(Column::Incarnation, incarnation.to_vec())
            .and_where(Expr::col(Column::Id).eq(COUNTER))
            .to_owned();
        if self.execute(&update).await? == 0 {
            let insert = Query::insert()
                .into_table(Entity)
                .columns([Column::Id, Column::Incarnation, Column::Sequence])
                .values([COUNTER.into(), incarnation.to_vec().into(), 0_i64.into()])
                .map_err(StoreError::unexpected)?
                .to_owned();
            self.execute(&insert).await?;
        }
        Ok(())
    }
}
