//! The indexes that pages, filters and summaries of orders are read from.
//!
//! Each ends with the time orders are sorted by and the id that tells equal times apart, so that a page costs the same
//! wherever it is. Two carry what summaries add up as well, so that these read an index and no rows.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

#[derive(DeriveMigrationName)]
pub struct Migration;

/// Name, table, columns, and what is carried along for summaries.
const INDEXES: [(&str, &str, &str, &str); 9] = [
    ("ix_sales_orders_created_at", "sales_orders", "created_at, id", FIGURES_WITH_CUSTOMER),
    ("ix_sales_orders_updated_at", "sales_orders", "updated_at, id", ""),
    ("ix_sales_orders_client_id", "sales_orders", "client_id, created_at, id", ""),
    ("ix_sales_orders_customer_code", "sales_orders", "customer_code, created_at, id", FIGURES),
    ("ix_sales_orders_site_code", "sales_orders", "site_code, created_at, id", ""),
    ("ix_sales_orders_sales_name", "sales_orders", "sales_name, created_at, id", ""),
    ("ix_sales_orders_status", "sales_orders", "status, created_at, id", ""),
    ("ix_sales_orders_currency", "sales_orders", "currency", ""),
    ("ix_sales_order_lines_product_code", "sales_order_lines", "product_code, order_id", ""),
];

const FIGURES: &str = "currency, line_count, total_quantity, unpriced_lines, priced_amount";
const FIGURES_WITH_CUSTOMER: &str =
    "customer_code, status, currency, line_count, total_quantity, unpriced_lines, priced_amount";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let is_postgres = manager.get_database_backend() == DbBackend::Postgres;
        for (name, table, columns, carried) in INDEXES {
            // SQLite has no INCLUDE; a further column of the key does the same there.
            let rest = match (carried, is_postgres) {
                ("", _) => format!("({columns})"),
                (carried, true) => format!("({columns}) INCLUDE ({carried})"),
                (carried, false) => format!("({columns}, {carried})"),
            };
            manager.get_connection().execute_unprepared(&format!("CREATE INDEX {name} ON {table} {rest}")).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (name, ..) in INDEXES {
            manager.get_connection().execute_unprepared(&format!("DROP INDEX {name}")).await?;
        }
        Ok(())
    }
}
