//! The tables of one row or a few: the ring, the server key, the origin, and what replicas share. What is in the first two
//! is not this floor's to know.

use sea_orm::EntityTrait;

use super::findings::{Finding, Findings};
use super::pass::Pass;
use crate::store::entity::{cluster_values, duties, key_ring, origin, replicas, server_key, verifier_leases};
use crate::store::row::Row;
use crate::store::verifier_leases::{LEASES, REPLICAS, count_or_none, sixteen, sixteen_or_none};
use crate::store::{LeaseKey, StoreError, StoredRing, StoredServerKey};

const RING: [key_ring::Column; 3] =
    [key_ring::Column::Id, key_ring::Column::Version, key_ring::Column::Document];
const SERVER_KEY: [server_key::Column; 4] = [
    server_key::Column::Id,
    server_key::Column::Version,
    server_key::Column::WrappedKey,
    server_key::Column::WrappedBy,
];
const DUTIES: [duties::Column; 3] = [duties::Column::Name, duties::Column::Holder, duties::Column::Until];
const VALUES: [cluster_values::Column; 2] = [cluster_values::Column::Name, cluster_values::Column::Value];
const ORIGIN: [origin::Column; 2] = [origin::Column::Id, origin::Column::MustBeFenced];

impl Pass {
    /// The ring and the server key, as they are stored.
    pub async fn read_keys(
        &self,
        findings: &mut Findings,
    ) -> Result<(Option<StoredRing>, Option<StoredServerKey>), StoreError> {
        let (mut ring, mut server) = (None, None);
        self.walk::<key_ring::Entity>(&RING, findings, |row, findings| {
            if is_the_one(row, key_ring::Column::Id, findings)? {
                let version = row.read(key_ring::Column::Version)?;
                ring = Some(StoredRing { version, document: row.read(key_ring::Column::Document)? });
            }
            Ok(())
        })
        .await?;
        self.walk::<server_key::Entity>(&SERVER_KEY, findings, |row, findings| {
            if is_the_one(row, server_key::Column::Id, findings)? {
                row.read::<i64>(server_key::Column::Version)?;
                let wrapped_key = row.read(server_key::Column::WrappedKey)?;
                server = Some(StoredServerKey {
                    wrapped_key,
                    wrapped_by: row.read(server_key::Column::WrappedBy)?,
                });
            }
            Ok(())
        })
        .await?;
        self.walk::<origin::Entity>(&ORIGIN, findings, |row, findings| {
            is_the_one(row, origin::Column::Id, findings)?;
            let is_one = |number: i16| (0..=1).contains(&number).then_some(());
            row.parse(origin::Column::MustBeFenced, is_one)
        })
        .await?;
        self.check_what_replicas_share(findings).await?;
        Ok((ring, server))
    }

    async fn check_what_replicas_share(&self, findings: &mut Findings) -> Result<(), StoreError> {
        self.walk::<duties::Entity>(&DUTIES, findings, |row, _| {
            let is_id = |bytes: Vec<u8>| (bytes.len() == 16).then_some(());
            row.parse(duties::Column::Holder, is_id)?;
            row.read::<i64>(duties::Column::Until).map(drop)
        })
        .await?;
        self.walk::<cluster_values::Entity>(&VALUES, findings, |row, _| {
            row.read::<String>(cluster_values::Column::Value).map(drop)
        })
        .await?;
        self.walk::<replicas::Entity>(&REPLICAS, findings, |row, _| {
            row.parse(replicas::Column::Incarnation, sixteen)?;
            row.read::<Option<i64>>(replicas::Column::Applied)?;
            row.parse(replicas::Column::Lacking, |count: i64| usize::try_from(count).ok())?;
            row.parse(replicas::Column::Displaced, count_or_none)?;
            row.read::<String>(replicas::Column::LackingNames).map(drop)
        })
        .await?;
        self.walk::<verifier_leases::Entity>(&LEASES, findings, |row, _| {
            row.parse(verifier_leases::Column::Id, LeaseKey::from_bytes)?;
            row.parse(verifier_leases::Column::Replica, sixteen)?;
            row.read::<String>(verifier_leases::Column::Instance)?;
            row.parse(verifier_leases::Column::AwayIncarnation, sixteen_or_none).map(drop)
        })
        .await?;
        Ok(())
    }
}

/// Whether a row is the one that the table is for.
fn is_the_one<E: EntityTrait + Default>(
    row: &Row<'_, E>,
    id: E::Column,
    findings: &mut Findings,
) -> Result<bool, StoreError> {
    let is_it = row.read::<i16>(id)? == 1;
    findings.at_if(!is_it, || row.damaged(id), "is not 1, and nobody reads the row");
    Ok(is_it)
}

impl Findings {
    /// Adds that the ring does not hold what it must.
    pub fn of_ring(&mut self, what: &'static str) {
        self.add(Finding { table: "key_ring", column: "document", row: "1".to_owned(), what });
    }

    /// Adds that the server key is not what it must be.
    pub fn of_server_key(&mut self, column: &'static str, what: &'static str) {
        self.add(Finding { table: "server_key", column, row: "1".to_owned(), what });
    }
}
