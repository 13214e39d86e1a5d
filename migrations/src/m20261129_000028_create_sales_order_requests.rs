//! What the senders of orders ask to be done with them, and what became of that.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, big_integer_null, big_pk_auto, string_len, string_len_null, text_null};

#[derive(DeriveMigrationName)]
pub struct Migration;

/// One request of an order is pending at most, whatever two instances do at once. Orders with a pending one are found by it.
const ONE_PENDING: &str =
    "CREATE UNIQUE INDEX ux_sales_order_requests_pending ON sales_order_requests (order_id) WHERE state = 'PENDING'";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let answered = "(state = 'PENDING') = (answered_at IS NULL)";
        manager
            .create_table(
                Table::create()
                    .table(SalesOrderRequests::Table)
                    .col(big_pk_auto(SalesOrderRequests::Id))
                    .col(big_integer(SalesOrderRequests::OrderId))
                    .col(string_len(SalesOrderRequests::ClientId, 64))
                    .col(string_len(SalesOrderRequests::Kind, 16))
                    .col(string_len(SalesOrderRequests::State, 16).check(Expr::cust(answered)))
                    .col(string_len(SalesOrderRequests::Reason, 32))
                    .col(text_null(SalesOrderRequests::Note))
                    .col(text_null(SalesOrderRequests::Lines))
                    .col(string_len(SalesOrderRequests::IdempotencyKey, 300))
                    .col(string_len(SalesOrderRequests::SignedText, 64))
                    .col(string_len(SalesOrderRequests::Digest, 64))
                    .col(big_integer(SalesOrderRequests::RequestedAt))
                    .col(string_len_null(SalesOrderRequests::AnswerReason, 32))
                    .col(text_null(SalesOrderRequests::AnswerNote))
                    .col(string_len_null(SalesOrderRequests::AnsweredBy, 64))
                    .col(big_integer_null(SalesOrderRequests::AnsweredAt))
                    .foreign_key(
                        ForeignKey::create()
                            .name("fk_sales_order_requests_order_id")
                            .from(SalesOrderRequests::Table, SalesOrderRequests::OrderId)
                            .to(SalesOrders::Table, SalesOrders::Id),
                    )
                    .to_owned(),
            )
            .await?;
        let index = |name: &str, columns: [SalesOrderRequests; 2]| {
            let [first, second] = columns;
            Index::create().name(name).table(SalesOrderRequests::Table).col(first).col(second).to_owned()
        };
        let of_order = index("ix_sales_order_requests_order_id", [SalesOrderRequests::OrderId, SalesOrderRequests::Id]);
        manager.create_index(of_order).await?;
        // A request that comes twice is one: under its key, or with the text that was signed.
        for (name, column) in [
            ("ux_sales_order_requests_idempotency_key", SalesOrderRequests::IdempotencyKey),
            ("ux_sales_order_requests_signed_text", SalesOrderRequests::SignedText),
        ] {
            manager.create_index(index(name, [SalesOrderRequests::ClientId, column]).unique().to_owned()).await?;
        }
        manager.get_connection().execute_unprepared(ONE_PENDING).await.map(drop)
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(SalesOrderRequests::Table).to_owned()).await?;
        // Versions before cannot read these events.
        let sql = "DELETE FROM sales_order_events WHERE kind IN ('REQUEST_RECEIVED', 'REQUEST_ANSWERED')";
        manager.get_connection().execute_unprepared(sql).await.map(drop)
    }
}

#[derive(DeriveIden)]
enum SalesOrders {
    Table,
    Id,
}

#[derive(DeriveIden)]
enum SalesOrderRequests {
    Table,
    Id,
    OrderId,
    ClientId,
    Kind,
    State,
    Reason,
    Note,
    Lines,
    IdempotencyKey,
    SignedText,
    Digest,
    RequestedAt,
    AnswerReason,
    AnswerNote,
    AnsweredBy,
    AnsweredAt,
}
