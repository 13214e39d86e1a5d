//! What happened to each order (append-only) and what its sender signed.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, big_pk_auto, binary, integer, string_len, text};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table(SalesOrderEvents::Table)
                    .col(big_pk_auto(SalesOrderEvents::Position))
                    .col(big_integer(SalesOrderEvents::OrderId))
                    .col(integer(SalesOrderEvents::Sequence).check(Expr::col(SalesOrderEvents::Sequence).gte(1)))
                    .col(string_len(SalesOrderEvents::Kind, 32))
                    .col(string_len(SalesOrderEvents::Actor, 64))
                    .col(text(SalesOrderEvents::Payload))
                    .col(big_integer(SalesOrderEvents::CreatedAt))
                    .foreign_key(
                        ForeignKey::create()
                            .name("fk_sales_order_events_order_id")
                            .from(SalesOrderEvents::Table, SalesOrderEvents::OrderId)
                            .to(SalesOrders::Table, SalesOrders::Id),
                    )
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("ux_sales_order_events_order_id_sequence")
                    .table(SalesOrderEvents::Table)
                    .col(SalesOrderEvents::OrderId)
                    .col(SalesOrderEvents::Sequence)
                    .unique()
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table(SalesOrderReceipts::Table)
                    .col(big_integer(SalesOrderReceipts::OrderId).primary_key())
                    .col(
                        string_len(SalesOrderReceipts::SignatureForm, 16)
                            .check(Expr::col(SalesOrderReceipts::SignatureForm).is_in(["documented", "body_bound"])),
                    )
                    .col(text(SalesOrderReceipts::StringToSign))
                    .col(binary(SalesOrderReceipts::Signature))
                    .col(string_len(SalesOrderReceipts::KeyFingerprint, 64))
                    .col(binary(SalesOrderReceipts::BodySha256))
                    .foreign_key(
                        ForeignKey::create()
                            .name("fk_sales_order_receipts_order_id")
                            .from(SalesOrderReceipts::Table, SalesOrderReceipts::OrderId)
                            .to(SalesOrders::Table, SalesOrders::Id),
                    )
                    .to_owned(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(SalesOrderReceipts::Table).to_owned()).await?;
        manager.drop_table(Table::drop().table(SalesOrderEvents::Table).to_owned()).await
    }
}

#[derive(DeriveIden)]
enum SalesOrders {
    Table,
    Id,
}

#[derive(DeriveIden)]
enum SalesOrderEvents {
    Table,
    Position,
    OrderId,
    Sequence,
    Kind,
    Actor,
    Payload,
    CreatedAt,
}

#[derive(DeriveIden)]
enum SalesOrderReceipts {
    Table,
    OrderId,
    SignatureForm,
    StringToSign,
    Signature,
    KeyFingerprint,
    BodySha256,
}
