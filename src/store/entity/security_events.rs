//! Security events.

use sea_orm::entity::prelude::*;

/// A row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "security_events")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Vec<u8>,
    pub kind: i16,
    pub time: i64,
    pub last_time: i64,
    pub count: i64,
    pub user_id: Option<Vec<u8>>,
    pub actor_id: Option<Vec<u8>>,
    pub session_id: Option<Vec<u8>>,
    pub peer: Option<String>,
    pub detail: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
