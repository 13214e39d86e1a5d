//! What was answered to each line of an order, and what has left of it.
//!
//! Of an order whose lines were never answered one by one all of these columns are null: each line follows the status of its order,
//! as everything does that an instance of the version before writes. So nothing is written to the lines that are there.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{integer_null, string_len_null};
use sea_orm_migration::sea_orm::DbBackend;

#[derive(DeriveMigrationName)]
pub struct Migration;

/// The quantities. With what is open they add up to what was ordered.
const QUANTITIES: [SalesOrderLines; 5] = [
    SalesOrderLines::ConfirmedQuantity,
    SalesOrderLines::BackOrderedQuantity,
    SalesOrderLines::RejectedQuantity,
    SalesOrderLines::CancelledQuantity,
    SalesOrderLines::ShippedQuantity,
];

const CHECK: &str = "ck_sales_order_lines_answer";

/// All quantities are there or none; nothing is negative, together they are no more than was ordered, and nothing leaves that was not
/// confirmed.
const HOLDS: &str = "(confirmed_quantity IS NULL AND back_ordered_quantity IS NULL AND rejected_quantity IS NULL
        AND cancelled_quantity IS NULL AND shipped_quantity IS NULL AND promised_on IS NULL AND answer_reason IS NULL)
    OR (confirmed_quantity IS NOT NULL AND back_ordered_quantity IS NOT NULL AND rejected_quantity IS NOT NULL
        AND cancelled_quantity IS NOT NULL AND shipped_quantity IS NOT NULL
        AND confirmed_quantity >= 0 AND back_ordered_quantity >= 0 AND rejected_quantity >= 0 AND cancelled_quantity >= 0
        AND shipped_quantity BETWEEN 0 AND confirmed_quantity
        AND confirmed_quantity + back_ordered_quantity + rejected_quantity + cancelled_quantity <= quantity)";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let add = |column| Table::alter().table(SalesOrderLines::Table).add_column(column).to_owned();
        for quantity in QUANTITIES {
            manager.alter_table(add(integer_null(quantity))).await?;
        }
        manager.alter_table(add(string_len_null(SalesOrderLines::PromisedOn, 10))).await?;
        let mut reason = string_len_null(SalesOrderLines::AnswerReason, 32);
        if manager.get_database_backend() == DbBackend::Sqlite {
            // With the last column, for SQLite adds no constraint by itself, and reads the table once for each.
            return manager.alter_table(add(reason.check(Expr::cust(HOLDS)).to_owned())).await;
        }
        manager.alter_table(add(reason)).await?;
        // What is there has nulls in all of these columns and need not be read to know that it holds; whatever is written is checked.
        let sql = format!("ALTER TABLE sales_order_lines ADD CONSTRAINT {CHECK} CHECK ({HOLDS}) NOT VALID");
        manager.get_connection().execute_unprepared(&sql).await.map(drop)
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // The reason first: SQLite's constraint goes with it, and PostgreSQL's with any.
        let columns = [SalesOrderLines::AnswerReason, SalesOrderLines::PromisedOn].into_iter().chain(QUANTITIES);
        for column in columns {
            let table = Table::alter().table(SalesOrderLines::Table).drop_column(column).to_owned();
            manager.alter_table(table).await?;
        }
        // Versions before cannot read these events.
        let sql = "DELETE FROM sales_order_events WHERE kind IN ('LINES_CONFIRMED', 'SHIPMENT_RECORDED', 'SHIPMENT_DELIVERED')";
        manager.get_connection().execute_unprepared(sql).await.map(drop)
    }
}

#[derive(DeriveIden)]
enum SalesOrderLines {
    Table,
    ConfirmedQuantity,
    BackOrderedQuantity,
    RejectedQuantity,
    CancelledQuantity,
    ShippedQuantity,
    PromisedOn,
    AnswerReason,
}
