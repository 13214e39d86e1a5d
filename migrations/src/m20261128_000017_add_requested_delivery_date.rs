//! The day for which an order's sender asks, with its index: few orders of many are due in a week.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::string_len_null;
use sea_orm_migration::sea_orm::DbBackend;

#[derive(DeriveMigrationName)]
pub struct Migration;

/// Its kind, its name, and what it is of: the orders that have such a day.
pub const INDEX: (&str, &str, &str) = (
    "INDEX",
    "ix_sales_orders_requested_delivery_date",
    "sales_orders (requested_delivery_date, created_at, id) WHERE requested_delivery_date IS NOT NULL",
);

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let column = string_len_null(SalesOrders::RequestedDeliveryDate, 10);
        manager.alter_table(Table::alter().table(SalesOrders::Table).add_column(column).to_owned()).await?;
        if manager.get_database_backend() == DbBackend::Postgres {
            return Ok(());
        }
        let (kind, name, of) = INDEX;
        manager.get_connection().execute_unprepared(&format!("CREATE {kind} {name} ON {of}")).await.map(drop)
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // PostgreSQL's goes with its column.
        manager.get_connection().execute_unprepared(&format!("DROP INDEX IF EXISTS {}", INDEX.1)).await?;
        let column = SalesOrders::RequestedDeliveryDate;
        manager.alter_table(Table::alter().table(SalesOrders::Table).drop_column(column).to_owned()).await
    }
}

#[derive(DeriveIden)]
enum SalesOrders {
    Table,
    RequestedDeliveryDate,
}
