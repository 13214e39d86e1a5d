//! Rows of `sales_order_request_receipts`: what was signed for requests.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, DeriveEntityModel)]
#[sea_orm(table_name = "sales_order_request_receipts")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub request_id: i64,
    pub signature_form: String,
    pub string_to_sign: String,
    pub signature: Vec<u8>,
    pub key_fingerprint: String,
    pub body_sha256: Vec<u8>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
