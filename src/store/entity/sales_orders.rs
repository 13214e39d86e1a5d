//! Rows of `sales_orders`.

use sea_orm::entity::prelude::*;
use sea_orm::{FromQueryResult, QueryResult};

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
    pub line_count: i32,
    pub unpriced_lines: i32,
    pub priced_amount: i64,
    pub search_text: String,
}

/// What is read of an order. The rest is there to be compared, added up and searched by the database.
#[derive(Clone, Debug, DerivePartialModel)]
#[sea_orm(entity = "Entity", from_query_result = "false")]
pub struct OrderRow {
    pub id: i64,
    pub client_id: String,
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
    pub line_count: i32,
    pub created_at: i64,
    pub updated_at: i64,
}

impl FromQueryResult for OrderRow {
    /// By the columns' places: to find each by its name costs as much as to read it.
    fn from_query_result(row: &QueryResult, _: &str) -> Result<Self, DbErr> {
        let mut places = 0..;
        let mut next = || places.next().unwrap_or_default();
        Ok(Self {
            id: row.try_get_by_index(next())?,
            client_id: row.try_get_by_index(next())?,
            customer_code: row.try_get_by_index(next())?,
            site_code: row.try_get_by_index(next())?,
            sales_name: row.try_get_by_index(next())?,
            address: row.try_get_by_index(next())?,
            note: row.try_get_by_index(next())?,
            currency: row.try_get_by_index(next())?,
            status: row.try_get_by_index(next())?,
            version: row.try_get_by_index(next())?,
            total_quantity: row.try_get_by_index(next())?,
            total_amount: row.try_get_by_index(next())?,
            line_count: row.try_get_by_index(next())?,
            created_at: row.try_get_by_index(next())?,
            updated_at: row.try_get_by_index(next())?,
        })
    }
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
