//! Rows of `sales_orders`.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, DeriveEntityModel)]
#[sea_orm(table_name = "sales_orders")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub client_id: String,
    pub idempotency_key: String,
    pub request_digest: Vec<u8>,
    pub customer_code: String,
    pub site_code: String,
    pub sales_name: String,
    pub address: String,
    pub note: Option<String>,
    pub currency: String,
    pub status: String,
    pub version: i32,
    pub total_quantity: i64,
    pub total_amount: Option<i64>,
    pub created_at: i64,
    pub updated_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
