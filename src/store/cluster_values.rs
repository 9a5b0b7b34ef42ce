//! What all replicas of one database must be told alike. Which settings that are, is not this floor's to know.

use std::collections::BTreeMap;

use sea_orm::EntityTrait;
use sea_orm::sea_query::{Expr, ExprTrait, Query};
use sea_orm::{QuerySelect, QueryTrait};

use super::entity::cluster_values::{Column, Entity};
use super::row::Row;
use super::transaction::Transaction;
use super::{Store, StoreError};
use crate::domain::Timestamp;

const COLUMNS: [Column; 2] = [Column::Name, Column::Value];

/// A value that is another one in the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disagreement {
    /// Its name.
    pub name: String,
    /// The value here.
    pub here: String,
    /// The value in the database.
    pub there: String,
}

impl Store {
    /// Writes down those of `values` that are not in the database yet, and, if `adopt`, those that are others there. What
    /// differed.
    pub async fn agree_on_values(
        &self,
        values: &BTreeMap<String, String>,
        adopt: bool,
        now: Timestamp,
    ) -> Result<Vec<Disagreement>, StoreError> {
        let values = values.clone();
        self.transact(now, move |transaction| {
            let values = values.clone();
            Box::pin(async move {
                // Of replicas that start at once, one is first.
                transaction.lock_everything().await?;
                let there = transaction.cluster_values().await?;
                let mut disagreements = Vec::new();
                for (name, here) in values {
                    match there.get(&name) {
                        Some(there) if *there == here => {}
                        Some(there) => {
                            if adopt {
                                transaction.replace_value(&name, &here).await?;
                            }
                            disagreements.push(Disagreement { name, here, there: there.clone() });
                        }
                        None => transaction.insert_value(&name, &here).await?,
                    }
                }
                Ok(disagreements)
            })
        })
        .await
    }

    /// What the database holds.
    pub async fn lookup_cluster_values(&self) -> Result<BTreeMap<String, String>, StoreError> {
        let select = Entity::find().select_only().columns(COLUMNS).into_query();
        self.find_all(&select).await?.iter().map(read).collect()
    }
}

impl Transaction {
    async fn cluster_values(&self) -> Result<BTreeMap<String, String>, StoreError> {
        let select = Entity::find().select_only().columns(COLUMNS).into_query();
        self.find_all(&select).await?.iter().map(read).collect()
    }

    async fn insert_value(&self, name: &str, value: &str) -> Result<(), StoreError> {
        let insert = Query::insert()
            .into_table(Entity)
            .columns(COLUMNS)
            .values([name.into(), value.into()])
            .map_err(StoreError::unexpected)?
            .to_owned();
        self.execute(&insert).await?;
        Ok(())
    }

    async fn replace_value(&self, name: &str, value: &str) -> Result<(), StoreError> {
        let update = Query::update()
            .table(Entity)
            .value(Column::Value, value)
            .and_where(Expr::col(Column::Name).eq(name))
            .to_owned();
        self.execute(&update).await?;
        Ok(())
    }
}

fn read(result: &sea_orm::QueryResult) -> Result<(String, String), StoreError> {
    let row = Row::<Entity>::new(result, &COLUMNS, 0);
    Ok((row.read(Column::Name)?, row.read(Column::Value)?))
}
