//! Rows of `clients`.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, DeriveEntityModel)]
#[sea_orm(table_name = "clients")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub client_id: String,
    pub kind: String,
    pub issuer: Option<String>,
    pub subject: Option<String>,
    pub name: String,
    pub scopes: String,
    pub signature_policy: String,
    pub reference_policy: String,
    pub expectation_policy: String,
    pub session_generation: i64,
    pub created_at: i64,
    pub disabled_at: Option<i64>,
    pub signature_reuses: i64,
    pub signature_reused_at: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
