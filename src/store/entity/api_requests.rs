//! Rows of `api_requests`.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, DeriveEntityModel)]
#[sea_orm(table_name = "api_requests")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub at: i64,
    pub request_id: String,
    pub client_id: Option<String>,
    pub is_proven: bool,
    pub method: String,
    pub route: String,
    pub status: i32,
    pub code: Option<String>,
    pub hint: Option<String>,
    pub duration_micros: i64,
    pub order_id: Option<i64>,
    pub partner_reference: Option<String>,
    pub is_replayed: bool,
    pub details: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
