//! Rows of `webhook_replays`.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, DeriveEntityModel)]
#[sea_orm(table_name = "webhook_replays")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub endpoint_id: i64,
    pub order_id: Option<i64>,
    pub position: i64,
    pub until: i64,
    pub attempts: i32,
    pub next_attempt_at: Option<i64>,
    pub delivered: i32,
    pub failed: i32,
    pub created_at: i64,
    pub finished_at: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
