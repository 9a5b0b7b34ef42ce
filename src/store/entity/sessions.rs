//! Sessions.

use sea_orm::entity::prelude::*;

/// A row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "sessions")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Vec<u8>,
    pub user_id: Vec<u8>,
    pub amr: String,
    pub auth_time: i64,
    pub created: i64,
    pub used: i64,
    pub expires: i64,
    pub ended: Option<i64>,
    pub generation: i64,
    pub current_hash: Option<Vec<u8>>,
    pub spent_hash: Option<Vec<u8>>,
    pub retry_hash: Option<Vec<u8>>,
    pub salt: Option<Vec<u8>>,
    pub tokens_until: Option<i64>,
    pub user_agent: Option<String>,
    pub peer: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {
    #[sea_orm(belongs_to = "super::users::Entity", from = "Column::UserId", to = "super::users::Column::Id")]
    User,
}

impl ActiveModelBehavior for ActiveModel {}
