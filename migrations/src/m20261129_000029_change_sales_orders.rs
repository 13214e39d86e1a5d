//! Changes of orders that their senders ask for, and what was signed for a request, kept as for an order.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, binary, string_len, text, text_null};

#[derive(DeriveMigrationName)]
pub struct Migration;

/// What versions before cannot read. In a text of a sender a quotation mark has a backslash before it.
const UNREADABLE: [&str; 2] = [
    "DELETE FROM sales_order_events WHERE kind = 'ORDER_CHANGED'
        OR (kind IN ('REQUEST_RECEIVED', 'REQUEST_ANSWERED') AND payload LIKE '%\"kind\":\"CHANGE\"%')",
    "DELETE FROM sales_order_requests WHERE kind = 'CHANGE'",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // Requests of another kind have nulls there.
        let change = Table::alter()
            .table(SalesOrderRequests::Table)
            .add_column(text_null(SalesOrderRequests::Change))
            .to_owned();
        manager.alter_table(change).await?;
        // A table of its own: each answer that shows an order reads its requests, and few ask what was signed. Requests that an
        // instance of the version before takes have none.
        manager
            .create_table(
                Table::create()
                    .table(SalesOrderRequestReceipts::Table)
                    .col(big_integer(SalesOrderRequestReceipts::RequestId).primary_key())
                    .col(string_len(SalesOrderRequestReceipts::SignatureForm, 32))
                    .col(text(SalesOrderRequestReceipts::StringToSign))
                    .col(binary(SalesOrderRequestReceipts::Signature))
                    .col(string_len(SalesOrderRequestReceipts::KeyFingerprint, 64))
                    .col(binary(SalesOrderRequestReceipts::BodySha256))
                    .foreign_key(
                        ForeignKey::create()
                            .name("fk_sales_order_request_receipts_request_id")
                            .from(SalesOrderRequestReceipts::Table, SalesOrderRequestReceipts::RequestId)
                            .to(SalesOrderRequests::Table, SalesOrderRequests::Id),
                    )
                    .to_owned(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(SalesOrderRequestReceipts::Table).to_owned()).await?;
        let connection = manager.get_connection();
        for unreadable in UNREADABLE {
            connection.execute_unprepared(unreadable).await?;
        }
        let change = Table::alter().table(SalesOrderRequests::Table).drop_column(SalesOrderRequests::Change).to_owned();
        manager.alter_table(change).await
    }
}

#[derive(DeriveIden)]
enum SalesOrderRequests {
    Table,
    Id,
    Change,
}

#[derive(DeriveIden)]
enum SalesOrderRequestReceipts {
    Table,
    RequestId,
    SignatureForm,
    StringToSign,
    Signature,
    KeyFingerprint,
    BodySha256,
}
