//! The day for which an order's sender asks, with its index: few orders of many are due in a week.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::string_len_null;
use sea_orm_migration::sea_orm::DbBackend;

#[derive(DeriveMigrationName)]
pub struct Migration;

/// Of the orders that have one.
pub const INDEX: &str =
    "sales_orders (requested_delivery_date, created_at, id) WHERE requested_delivery_date IS NOT NULL";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let column = string_len_null(SalesOrders::RequestedDeliveryDate, 10);
        manager.alter_table(Table::alter().table(SalesOrders::Table).add_column(column).to_owned()).await?;
        if manager.get_database_backend() == DbBackend::Postgres {
            return Ok(());
        }
        let create = format!("CREATE INDEX ix_sales_orders_requested_delivery_date ON {INDEX}");
        manager.get_connection().execute_unprepared(&create).await.map(drop)
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // PostgreSQL's goes with its column.
        manager
            .get_connection()
            .execute_unprepared("DROP INDEX IF EXISTS ix_sales_orders_requested_delivery_date")
            .await?;
        let column = SalesOrders::RequestedDeliveryDate;
        manager.alter_table(Table::alter().table(SalesOrders::Table).drop_column(column).to_owned()).await
    }
}

#[derive(DeriveIden)]
enum SalesOrders {
    Table,
    RequestedDeliveryDate,
}
