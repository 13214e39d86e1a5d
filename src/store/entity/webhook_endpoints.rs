//! Rows of `webhook_endpoints`.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, DeriveEntityModel)]
#[sea_orm(table_name = "webhook_endpoints")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub client_id: String,
    pub name: String,
    pub url: String,
    pub kinds: String,
    pub payload: String,
    pub signatures: String,
    pub on_exhausted: String,
    pub max_in_flight: i32,
    pub version: i32,
    pub state: String,
    pub position: i64,
    pub rest_until: Option<i64>,
    pub trips: i32,
    pub failing_since: Option<i64>,
    pub lease_owner: Option<String>,
    pub lease_generation: i64,
    pub lease_until: i64,
    pub created_at: i64,
    pub updated_at: i64,
    pub verified_at: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
