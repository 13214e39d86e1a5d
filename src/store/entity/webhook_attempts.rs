//! Rows of `webhook_attempts`.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, DeriveEntityModel)]
#[sea_orm(table_name = "webhook_attempts")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub endpoint_id: i64,
    pub position: Option<i64>,
    pub order_id: Option<i64>,
    pub attempt: i32,
    pub trigger: String,
    pub at: i64,
    pub duration_ms: i32,
    pub status: Option<i32>,
    pub outcome: String,
    pub excerpt: Option<String>,
    pub next_attempt_at: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
