//! Users and the hashes of their passwords.

use sea_orm::entity::prelude::*;

/// A row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "users")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Vec<u8>,
    #[sea_orm(unique)]
    pub name_mapped: Vec<u8>,
    pub name_shown: String,
    pub password_hash: String,
    pub roles: String,
    pub state: i16,
    pub epoch: i64,
    pub created: i64,
    pub deleted: Option<i64>,
    pub collapses: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
