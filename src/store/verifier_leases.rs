//! What replicas of a database server tell each other about the verifiers that watch them: so that whoever revokes at one can
//! wait for the verifiers of all.
//!
//! A replica says in one row up to where all its verifiers have applied the log. A verifier has a row of its own that tells
//! which replica speaks for it, and moves with it: one that was lost with its replica and is back elsewhere is waited for there.
//! A verifier that is connected to none speaks for itself, until its lease ends.

use std::collections::HashSet;

use sea_orm::sea_query::{
    Condition, Expr, ExprTrait, InsertStatement, JoinType, LockType, OnConflict, Order, Query,
};
use sea_orm::{DbBackend, DbErr, EntityTrait, QueryResult, QuerySelect, QueryTrait};

use super::entity::{replicas, verifier_leases};
use super::lease_report::{LeaseChanges, LeaseKey, LeaseReport, LeasesElsewhere, ReplicaId, SharedLease};
use super::row::Row;
use super::transaction::Transaction;
use super::{Store, StoreError};
use crate::domain::{Timestamp, TrustPosition};

pub(super) const REPLICAS: [replicas::Column; 9] = [
    replicas::Column::Id,
    replicas::Column::Incarnation,
    replicas::Column::Position,
    replicas::Column::Applied,
    replicas::Column::Lacking,
    replicas::Column::LackingNames,
    replicas::Column::Until,
    replicas::Column::Displaced,
    replicas::Column::DisplacedUntil,
];
pub(super) const LEASES: [verifier_leases::Column; 6] = [
    verifier_leases::Column::Id,
    verifier_leases::Column::Replica,
    verifier_leases::Column::Instance,
    verifier_leases::Column::AwayIncarnation,
    verifier_leases::Column::AwayApplied,
    verifier_leases::Column::AwayUntil,
];
/// How many rows are written by one statement.
const CHUNK: usize = 200;

impl Store {
    /// Writes down what `replica` says of its verifiers. A verifier's row moves to the replica to which it comes, and stays there
    /// when the one that it has left finds out.
    pub async fn report_leases(
        &self,
        replica: ReplicaId,
        changes: &LeaseChanges,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut changes = changes.clone();
        // In one order everywhere, so that two replicas do not wait for each other.
        changes.held.sort_by_key(|lease| lease.key);
        changes.ended.sort();
        self.transact(now, move |transaction| {
            let changes = changes.clone();
            Box::pin(async move {
                transaction.put_report(replica, &changes.report).await?;
                // First those that are gone: one of them may be back.
                for chunk in changes.ended.chunks(CHUNK) {
                    transaction.remove_leases(replica, chunk).await?;
                }
                let (here, away): (Vec<_>, Vec<_>) =
                    changes.held.iter().cloned().partition(|lease| lease.away.is_none());
                for chunk in here.chunks(CHUNK) {
                    transaction.put_leases(replica, chunk).await?;
                }
                for chunk in away.chunks(CHUNK) {
                    transaction.put_away(replica, chunk).await?;
                }
                Ok(())
            })
        })
        .await
    }

    /// The verifiers of other replicas than `replica` that may not have applied everything up to `known`.
    pub async fn lookup_leases_elsewhere(
        &self,
        replica: ReplicaId,
        known: TrustPosition,
        now: Timestamp,
    ) -> Result<LeasesElsewhere, StoreError> {
        use replicas::Column as R;
        use verifier_leases::Column as L;
        let lease = |column: L| Expr::col((verifier_leases::Entity, column));
        let of = |column: R| Expr::col((replicas::Entity, column));
        let same_log = of(R::Incarnation).eq(known.incarnation.to_vec());
        let lacks = Condition::any()
            .add(of(R::Applied).is_null())
            .add(of(R::Applied).lt(known.sequence))
            .add(same_log.not());
        let spoken_for = Condition::all()
            .add(lease(L::AwayUntil).is_null())
            .add(of(R::Until).gt(now.as_millis()))
            .add(lacks);
        let counts = Condition::any().add(lease(L::AwayUntil).gt(now.as_millis())).add(spoken_for);
        // One statement, so that who moves meanwhile is either still in its old place or already in the new one.
        let select = Query::select()
            .columns(LEASES.map(|column| (verifier_leases::Entity, column)))
            .columns(REPLICAS.map(|column| (replicas::Entity, column)))
            .from(verifier_leases::Entity)
            .join(
                JoinType::LeftJoin,
                replicas::Entity,
                of(R::Id).equals((verifier_leases::Entity, L::Replica)),
            )
            .and_where(lease(L::Replica).ne(replica.to_vec()))
            .cond_where(counts)
            .to_owned();
        let mut found = LeasesElsewhere::default();
        for result in self.find_all(&select).await? {
            found.add(&result)?;
        }
        // After those that have rows: whoever has lost its row meanwhile is among these.
        found.displaced = self.count_displaced_elsewhere(replica, now).await?;
        Ok(found)
    }

    async fn count_displaced_elsewhere(
        &self,
        replica: ReplicaId,
        now: Timestamp,
    ) -> Result<usize, StoreError> {
        use replicas::{Column, Entity};
        let select = Entity::find()
            .select_only()
            .columns(REPLICAS)
            .into_query()
            .and_where(Expr::col(Column::Id).ne(replica.to_vec()))
            .and_where(Expr::col(Column::DisplacedUntil).gt(now.as_millis()))
            .to_owned();
        let count = |result: &QueryResult| {
            let row = Row::<Entity>::new(result, &REPLICAS, 0);
            row.parse(Column::Displaced, count_or_none).map(Option::unwrap_or_default)
        };
        self.find_all(&select).await?.iter().map(count).sum()
    }

    /// Speaks for verifiers of which nobody knows, though they have been told of: for whoever was forgotten by mistake, and not
    /// for whoever has moved.
    pub async fn put_forgotten_leases(
        &self,
        replica: ReplicaId,
        leases: &[SharedLease],
    ) -> Result<(), StoreError> {
        for chunk in leases.chunks(CHUNK) {
            let mut insert = insert(replica, chunk)?;
            let unless_there = OnConflict::new().do_nothing_on([verifier_leases::Column::Id]).to_owned();
            self.execute(insert.on_conflict(unless_there)).await?;
        }
        Ok(())
    }

    /// The verifiers of which `replica` has told, and of which nobody else has since.
    pub async fn lookup_leases_of(&self, replica: ReplicaId) -> Result<HashSet<LeaseKey>, StoreError> {
        let of_replica = Expr::col(verifier_leases::Column::Replica).eq(replica.to_vec());
        self.find_lease_keys(of_replica).await
    }

    /// Those of them that are away.
    pub async fn lookup_leases_away(&self, replica: ReplicaId) -> Result<HashSet<LeaseKey>, StoreError> {
        use verifier_leases::Column;
        let of_replica = Expr::col(Column::Replica).eq(replica.to_vec());
        self.find_lease_keys(of_replica.and(Expr::col(Column::AwayUntil).is_not_null())).await
    }

    async fn find_lease_keys(&self, which: Expr) -> Result<HashSet<LeaseKey>, StoreError> {
        use verifier_leases::{Column, Entity};
        let select = Entity::find().select_only().columns(LEASES).into_query().and_where(which).to_owned();
        let read = |result: &QueryResult| {
            Row::<Entity>::new(result, &LEASES, 0).parse(Column::Id, LeaseKey::from_bytes)
        };
        self.find_all(&select).await?.iter().map(read).collect()
    }

    /// Forgets verifiers whose leases have ended, and replicas of which nothing was heard for as long.
    pub(super) async fn purge_leases(&self, now: Timestamp) -> Result<(), StoreError> {
        use replicas::Column as R;
        use verifier_leases::Column as L;
        let living = Query::select()
            .column(R::Id)
            .from(replicas::Entity)
            .and_where(Expr::col(R::Until).gt(now.as_millis()))
            .to_owned();
        let ended = Condition::any()
            .add(Expr::col(L::AwayUntil).lte(now.as_millis()))
            .add(Expr::col(L::AwayUntil).is_null().and(Expr::col(L::Replica).not_in_subquery(living)));
        self.execute(Query::delete().from_table(verifier_leases::Entity).cond_where(ended)).await?;
        let silent = Expr::col(R::Until).lte(now.as_millis());
        let nobody =
            Expr::col(R::DisplacedUntil).is_null().or(Expr::col(R::DisplacedUntil).lte(now.as_millis()));
        self.execute(Query::delete().from_table(replicas::Entity).and_where(silent).and_where(nobody))
            .await?;
        Ok(())
    }
}

impl Transaction {
    async fn put_report(&self, replica: ReplicaId, report: &LeaseReport) -> Result<(), StoreError> {
        let insert = Query::insert()
            .into_table(replicas::Entity)
            .columns(REPLICAS)
            .values([
                replica.to_vec().into(),
                report.position.incarnation.to_vec().into(),
                report.position.sequence.into(),
                report.applied.into(),
                i64::try_from(report.lacking).unwrap_or(i64::MAX).into(),
                report.lacking_names.join("\n").into(),
                report.until.as_millis().into(),
                report.displaced.map(|(count, _)| i64::try_from(count).unwrap_or(i64::MAX)).into(),
                report.displaced.map(|(_, until)| until.as_millis()).into(),
            ])
            .map_err(StoreError::unexpected)?
            .on_conflict(
                OnConflict::column(replicas::Column::Id)
                    .update_columns(REPLICAS.into_iter().skip(1))
                    .to_owned(),
            )
            .to_owned();
        self.execute(&insert).await?;
        Ok(())
    }

    async fn put_leases(&self, replica: ReplicaId, leases: &[SharedLease]) -> Result<(), StoreError> {
        let mut insert = insert(replica, leases)?;
        let key = OnConflict::column(verifier_leases::Column::Id)
            .update_columns(LEASES.into_iter().skip(1))
            .to_owned();
        self.execute(insert.on_conflict(key)).await?;
        Ok(())
    }

    /// Those of them that are still this replica's: for one that has come to another, that one speaks.
    async fn put_away(&self, replica: ReplicaId, leases: &[SharedLease]) -> Result<(), StoreError> {
        use verifier_leases::{Column, Entity};
        let mut ours = Query::select();
        ours.column(Column::Id)
            .from(Entity)
            .and_where(Expr::col(Column::Id).is_in(leases.iter().map(|lease| lease.key.as_bytes())))
            .and_where(Expr::col(Column::Replica).eq(replica.to_vec()))
            .order_by(Column::Id, Order::Asc);
        if self.backend() != DbBackend::Sqlite {
            ours.lock(LockType::Update);
        }
        let rows = self.find_all(&ours).await?;
        let ours: HashSet<Vec<u8>> = rows.iter().filter_map(|row| row.try_get_by_index(0).ok()).collect();
        let leases: Vec<_> =
            leases.iter().filter(|lease| ours.contains(&lease.key.as_bytes())).cloned().collect();
        if leases.is_empty() {
            return Ok(());
        }
        self.put_leases(replica, &leases).await
    }

    /// One that has moved to another replica is that one's.
    async fn remove_leases(&self, replica: ReplicaId, keys: &[LeaseKey]) -> Result<(), DbErr> {
        use verifier_leases::{Column, Entity};
        let among = Expr::col(Column::Id).is_in(keys.iter().map(|key| key.as_bytes()));
        let here = Expr::col(Column::Replica).eq(replica.to_vec());
        self.execute(Query::delete().from_table(Entity).and_where(among).and_where(here)).await?;
        Ok(())
    }
}

fn insert(replica: ReplicaId, leases: &[SharedLease]) -> Result<InsertStatement, StoreError> {
    let mut insert = Query::insert();
    insert.into_table(verifier_leases::Entity).columns(LEASES);
    for SharedLease { key, instance, away } in leases {
        let applied = away.and_then(|away| away.applied);
        insert
            .values([
                key.as_bytes().into(),
                replica.to_vec().into(),
                instance.as_str().into(),
                applied.map(|applied| applied.incarnation.to_vec()).into(),
                applied.map(|applied| applied.sequence).into(),
                away.map(|away| away.until.as_millis()).into(),
            ])
            .map_err(StoreError::unexpected)?;
    }
    Ok(insert)
}

impl LeasesElsewhere {
    fn add(&mut self, result: &QueryResult) -> Result<(), StoreError> {
        use replicas::Column as R;
        use verifier_leases::Column as L;
        let lease = Row::<verifier_leases::Entity>::new(result, &LEASES, 0);
        let instance: String = lease.read(L::Instance)?;
        if lease.read::<Option<i64>>(L::AwayUntil)?.is_some() {
            let incarnation = lease.parse(L::AwayIncarnation, sixteen_or_none)?;
            let sequence = lease.read::<Option<i64>>(L::AwayApplied)?;
            let applied = incarnation
                .zip(sequence)
                .map(|(incarnation, sequence)| TrustPosition { incarnation, sequence });
            self.away.push((instance, applied));
            return Ok(());
        }
        let row = Row::<replicas::Entity>::new(result, &REPLICAS, LEASES.len());
        let id = row.parse(R::Id, sixteen)?;
        if let Some((_, members)) = self.replicas.get_mut(&id) {
            members.push(instance);
            return Ok(());
        }
        let report = LeaseReport {
            position: TrustPosition {
                incarnation: row.parse(R::Incarnation, sixteen)?,
                sequence: row.read(R::Position)?,
            },
            applied: row.read(R::Applied)?,
            lacking: row.parse(R::Lacking, |count: i64| usize::try_from(count).ok())?,
            lacking_names: row.read::<String>(R::LackingNames)?.lines().map(str::to_owned).collect(),
            until: row.time(R::Until)?,
            displaced: row
                .parse(R::Displaced, count_or_none)?
                .zip(row.read::<Option<i64>>(R::DisplacedUntil)?.map(Timestamp::from_millis)),
        };
        self.replicas.insert(id, (report, vec![instance]));
        Ok(())
    }
}

pub(super) fn count_or_none(count: Option<i64>) -> Option<Option<usize>> {
    count.map_or(Some(None), |count| usize::try_from(count).ok().map(Some))
}

pub(super) fn sixteen(bytes: Vec<u8>) -> Option<[u8; 16]> {
    bytes.try_into().ok()
}

pub(super) fn sixteen_or_none(bytes: Option<Vec<u8>>) -> Option<Option<[u8; 16]>> {
    bytes.map_or(Some(None), |bytes| sixteen(bytes).map(Some))
}
