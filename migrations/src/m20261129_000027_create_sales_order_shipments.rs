//! Shipments of orders, and how much of which line each of them holds.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, big_integer_null, big_pk_auto, integer, string_len, string_len_null};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table(SalesOrderShipments::Table)
                    .col(big_pk_auto(SalesOrderShipments::Id))
                    .col(big_integer(SalesOrderShipments::OrderId))
                    .col(string_len(SalesOrderShipments::ShipmentNumber, 64))
                    .col(string_len_null(SalesOrderShipments::Carrier, 64))
                    .col(string_len_null(SalesOrderShipments::TrackingNumber, 64))
                    .col(big_integer(SalesOrderShipments::ShippedAt))
                    .col(big_integer_null(SalesOrderShipments::DeliveredAt))
                    .col(big_integer(SalesOrderShipments::CreatedAt))
                    .foreign_key(
                        ForeignKey::create()
                            .name("fk_sales_order_shipments_order_id")
                            .from(SalesOrderShipments::Table, SalesOrderShipments::OrderId)
                            .to(SalesOrders::Table, SalesOrders::Id),
                    )
                    .to_owned(),
            )
            .await?;
        // A shipment that is recorded twice is one shipment. The shipments of an order are found by it too.
        manager
            .create_index(
                Index::create()
                    .name("ux_sales_order_shipments_order_id_shipment_number")
                    .table(SalesOrderShipments::Table)
                    .col(SalesOrderShipments::OrderId)
                    .col(SalesOrderShipments::ShipmentNumber)
                    .unique()
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table(SalesOrderShipmentLines::Table)
                    .col(big_integer(SalesOrderShipmentLines::ShipmentId))
                    .col(
                        integer(SalesOrderShipmentLines::LineNo)
                            .check(Expr::col(SalesOrderShipmentLines::LineNo).between(1, 500)),
                    )
                    .col(
                        integer(SalesOrderShipmentLines::Quantity)
                            .check(Expr::col(SalesOrderShipmentLines::Quantity).between(1, 1_000_000)),
                    )
                    .primary_key(
                        Index::create().col(SalesOrderShipmentLines::ShipmentId).col(SalesOrderShipmentLines::LineNo),
                    )
                    .foreign_key(
                        ForeignKey::create()
                            .name("fk_sales_order_shipment_lines_shipment_id")
                            .from(SalesOrderShipmentLines::Table, SalesOrderShipmentLines::ShipmentId)
                            .to(SalesOrderShipments::Table, SalesOrderShipments::Id),
                    )
                    .to_owned(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(SalesOrderShipmentLines::Table).to_owned()).await?;
        manager.drop_table(Table::drop().table(SalesOrderShipments::Table).to_owned()).await
    }
}

#[derive(DeriveIden)]
enum SalesOrders {
    Table,
    Id,
}

#[derive(DeriveIden)]
enum SalesOrderShipments {
    Table,
    Id,
    OrderId,
    ShipmentNumber,
    Carrier,
    TrackingNumber,
    ShippedAt,
    DeliveredAt,
    CreatedAt,
}

#[derive(DeriveIden)]
enum SalesOrderShipmentLines {
    Table,
    ShipmentId,
    LineNo,
    Quantity,
}
