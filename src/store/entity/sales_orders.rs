//! The columns of `sales_orders` that queries and changes name. What is read and stored of an order is listed in
//! `orders/record.rs`.

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
    pub sales_name: String,
    pub address: String,
    pub note: Option<String>,
    pub status: String,
    pub partner_reference: Option<String>,
    pub version: i32,
    pub created_at: i64,
    pub updated_at: i64,
    pub search_text: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
