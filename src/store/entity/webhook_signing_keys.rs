//! Rows of `webhook_signing_keys`.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, DeriveEntityModel)]
#[sea_orm(table_name = "webhook_signing_keys")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub algorithm: String,
    pub sealed: String,
    pub sealed_by: String,
    pub public_key: String,
    pub created_at: i64,
    pub expires_at: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
