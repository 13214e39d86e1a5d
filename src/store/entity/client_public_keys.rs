//! Rows of `client_public_keys`.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, DeriveEntityModel)]
#[sea_orm(table_name = "client_public_keys")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub client_id: String,
    pub fingerprint: String,
    pub public_key_pem: String,
    pub created_at: i64,
    pub not_before: Option<i64>,
    pub expires_at: Option<i64>,
    pub revoked_at: Option<i64>,
    pub last_used_at: Option<i64>,
    pub documented_used_at: Option<i64>,
    pub body_bound_used_at: Option<i64>,
    pub body_and_key_bound_used_at: Option<i64>,
    pub is_shared: bool,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
