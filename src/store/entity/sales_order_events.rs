//! Rows of `sales_order_events`.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, DeriveEntityModel)]
#[sea_orm(table_name = "sales_order_events")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub position: i64,
    pub order_id: i64,
    pub sequence: i32,
    pub kind: String,
    pub actor: String,
    pub payload: String,
    pub created_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
