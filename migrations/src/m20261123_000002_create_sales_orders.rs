//! Sales orders and their lines.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, big_integer_null, big_pk_auto, binary, integer, string_len, string_len_null,
};
use sea_orm_migration::sea_orm::DbBackend;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table(SalesOrders::Table)
                    .col(big_pk_auto(SalesOrders::Id))
                    .col(order_number(manager.get_database_backend()))
                    .col(string_len(SalesOrders::ClientId, 64))
                    .col(string_len(SalesOrders::IdempotencyKey, 300))
                    .col(binary(SalesOrders::RequestDigest))
                    .col(string_len(SalesOrders::CustomerCode, 64))
                    .col(string_len(SalesOrders::SiteCode, 64))
                    .col(string_len(SalesOrders::SalesName, 128))
                    .col(string_len(SalesOrders::Address, 1000))
                    .col(string_len_null(SalesOrders::Note, 1000))
                    .col(
                        string_len(SalesOrders::Currency, 3)
                            .check(Expr::cust("length(currency) = 3").and(Expr::cust("currency = upper(currency)"))),
                    )
                    .col(string_len(SalesOrders::Status, 16).check(Expr::col(SalesOrders::Status).is_in([
                        "RECEIVED",
                        "CONFIRMED",
                        "SHIPPED",
                        "DELIVERED",
                        "CANCELLED",
                    ])))
                    .col(integer(SalesOrders::Version).check(Expr::col(SalesOrders::Version).gte(1)))
                    .col(big_integer(SalesOrders::TotalQuantity).check(Expr::col(SalesOrders::TotalQuantity).gte(1)))
                    .col(
                        big_integer_null(SalesOrders::TotalAmount)
                            .check(Expr::col(SalesOrders::TotalAmount).between(0, MAX_TOTAL_AMOUNT)),
                    )
                    .col(big_integer(SalesOrders::CreatedAt))
                    .col(big_integer(SalesOrders::UpdatedAt))
                    .foreign_key(
                        ForeignKey::create()
                            .name("fk_sales_orders_client_id")
                            .from(SalesOrders::Table, SalesOrders::ClientId)
                            .to(Clients::Table, Clients::ClientId),
                    )
                    .to_owned(),
            )
            .await?;
        // Exactly-once creation rests on this index: the key and the order commit together or not at all.
        manager
            .create_index(
                Index::create()
                    .name("ux_sales_orders_client_id_idempotency_key")
                    .table(SalesOrders::Table)
                    .col(SalesOrders::ClientId)
                    .col(SalesOrders::IdempotencyKey)
                    .unique()
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table(SalesOrderLines::Table)
                    .col(big_integer(SalesOrderLines::OrderId))
                    .col(integer(SalesOrderLines::LineNo).check(Expr::col(SalesOrderLines::LineNo).between(1, 500)))
                    .col(string_len(SalesOrderLines::ProductCode, 64))
                    .col(string_len_null(SalesOrderLines::ProductName, 256))
                    .col(
                        integer(SalesOrderLines::Quantity)
                            .check(Expr::col(SalesOrderLines::Quantity).between(1, 1_000_000)),
                    )
                    .col(string_len_null(SalesOrderLines::Unit, 16))
                    .col(
                        big_integer_null(SalesOrderLines::UnitPrice)
                            .check(Expr::col(SalesOrderLines::UnitPrice).between(0, MAX_UNIT_PRICE)),
                    )
                    .col(string_len_null(SalesOrderLines::Note, 500))
                    .primary_key(Index::create().col(SalesOrderLines::OrderId).col(SalesOrderLines::LineNo))
                    .foreign_key(
                        ForeignKey::create()
                            .name("fk_sales_order_lines_order_id")
                            .from(SalesOrderLines::Table, SalesOrderLines::OrderId)
                            .to(SalesOrders::Table, SalesOrders::Id),
                    )
                    .to_owned(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(SalesOrderLines::Table).to_owned()).await?;
        manager.drop_table(Table::drop().table(SalesOrders::Table).to_owned()).await
    }
}

/// 9,999,999,999.9999 in ten-thousandths.
const MAX_UNIT_PRICE: i64 = 99_999_999_999_999;
/// 9,999,999,999,999.9999 in ten-thousandths.
const MAX_TOTAL_AMOUNT: i64 = 99_999_999_999_999_999;

/// The public number is the row's id in other clothes, so the database itself derives it and the two cannot differ.
fn order_number(backend: DbBackend) -> ColumnDef {
    let mut column = ColumnDef::new(SalesOrders::OrderNumber);
    column.string_len(32);
    match backend {
        DbBackend::Sqlite => column.generated(Expr::cust("printf('SO-%010d', id)"), false),
        _ => column
            .generated(Expr::cust("'SO-' || lpad(id::text, greatest(10, length(id::text)), '0')"), true)
            .not_null(),
    };
    column
}

#[derive(DeriveIden)]
enum Clients {
    Table,
    ClientId,
}

#[derive(DeriveIden)]
enum SalesOrders {
    Table,
    Id,
    OrderNumber,
    ClientId,
    IdempotencyKey,
    RequestDigest,
    CustomerCode,
    SiteCode,
    SalesName,
    Address,
    Note,
    Currency,
    Status,
    Version,
    TotalQuantity,
    TotalAmount,
    CreatedAt,
    UpdatedAt,
}

#[derive(DeriveIden)]
enum SalesOrderLines {
    Table,
    OrderId,
    LineNo,
    ProductCode,
    ProductName,
    Quantity,
    Unit,
    UnitPrice,
    Note,
}
