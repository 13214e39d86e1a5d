//! Rows of `sales_order_requests`.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, DeriveEntityModel)]
#[sea_orm(table_name = "sales_order_requests")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub order_id: i64,
    pub client_id: String,
    pub kind: String,
    pub state: String,
    pub reason: String,
    pub note: Option<String>,
    pub lines: Option<String>,
    pub change: Option<String>,
    pub idempotency_key: String,
    pub signed_text: String,
    pub digest: String,
    pub requested_at: i64,
    pub answer_reason: Option<String>,
    pub answer_note: Option<String>,
    pub answered_by: Option<String>,
    pub answered_at: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
