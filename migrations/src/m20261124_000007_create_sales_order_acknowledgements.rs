//! Which receiving systems have an order.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, string_len, string_len_null};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table(SalesOrderAcknowledgements::Table)
                    .col(big_integer(SalesOrderAcknowledgements::OrderId))
                    .col(string_len(SalesOrderAcknowledgements::System, 64))
                    .col(string_len_null(SalesOrderAcknowledgements::ExternalNumber, 64))
                    .col(string_len(SalesOrderAcknowledgements::Actor, 64))
                    .col(big_integer(SalesOrderAcknowledgements::CreatedAt))
                    // The system comes second: an order's own are read together, and one system's by order.
                    .primary_key(
                        Index::create()
                            .col(SalesOrderAcknowledgements::OrderId)
                            .col(SalesOrderAcknowledgements::System),
                    )
                    .foreign_key(
                        ForeignKey::create()
                            .name("fk_sales_order_acknowledgements_order_id")
                            .from(SalesOrderAcknowledgements::Table, SalesOrderAcknowledgements::OrderId)
                            .to(SalesOrders::Table, SalesOrders::Id),
                    )
                    .to_owned(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(SalesOrderAcknowledgements::Table).to_owned()).await
    }
}

#[derive(DeriveIden)]
enum SalesOrders {
    Table,
    Id,
}

#[derive(DeriveIden)]
enum SalesOrderAcknowledgements {
    Table,
    OrderId,
    System,
    ExternalNumber,
    Actor,
    CreatedAt,
}
