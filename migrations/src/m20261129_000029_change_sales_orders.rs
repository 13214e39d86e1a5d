//! What was signed for a request, kept as for an order.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, binary, string_len, text};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
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
        manager.drop_table(Table::drop().table(SalesOrderRequestReceipts::Table).to_owned()).await
    }
}

#[derive(DeriveIden)]
enum SalesOrderRequests {
    Table,
    Id,
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
