//! What replicas say of their verifiers.

use sea_orm::entity::prelude::*;

/// A row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "replicas")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Vec<u8>,
    pub incarnation: Vec<u8>,
    pub position: i64,
    pub applied: Option<i64>,
    pub lacking: i64,
    pub lacking_names: String,
    pub until: i64,
    pub displaced: Option<i64>,
    pub displaced_until: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
