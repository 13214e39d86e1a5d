//! What summaries add up, kept with each order: a summary of orders then reads no lines.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, integer};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // One column a statement: SQLite adds no more at once.
        for column in [
            integer(SalesOrders::LineCount).default(0).take(),
            integer(SalesOrders::UnpricedLines)
                .default(0)
                .check(Expr::col(SalesOrders::UnpricedLines).between(0, 500))
                .take(),
            big_integer(SalesOrders::PricedAmount)
                .default(0)
                .check(Expr::col(SalesOrders::PricedAmount).between(0, MAX_TOTAL_AMOUNT))
                .take(),
        ] {
            manager.alter_table(Table::alter().table(SalesOrders::Table).add_column(column).to_owned()).await?;
        }
        let connection = manager.get_connection();
        // Before this, the priced lines of an order with an unpriced one were held to no sum.
        connection
            .execute_unprepared(&format!(
                "UPDATE sales_orders SET
                    line_count = (SELECT count(*) FROM sales_order_lines WHERE order_id = id),
                    unpriced_lines = (SELECT count(*) FROM sales_order_lines
                                      WHERE order_id = id AND unit_price IS NULL),
                    priced_amount = (SELECT CASE WHEN coalesce(sum(1.0 * quantity * unit_price), 0) > {MAX_TOTAL_AMOUNT}
                                                 THEN {MAX_TOTAL_AMOUNT}
                                                 ELSE coalesce(sum(quantity * unit_price), 0) END
                                     FROM sales_order_lines WHERE order_id = id)"
            ))
            .await
            .map(drop)
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in [SalesOrders::PricedAmount, SalesOrders::UnpricedLines, SalesOrders::LineCount] {
            manager.alter_table(Table::alter().table(SalesOrders::Table).drop_column(column).to_owned()).await?;
        }
        Ok(())
    }
}

/// 9,999,999,999,999.9999 in ten-thousandths.
const MAX_TOTAL_AMOUNT: i64 = 99_999_999_999_999_999;

#[derive(DeriveIden)]
enum SalesOrders {
    Table,
    LineCount,
    UnpricedLines,
    PricedAmount,
}
