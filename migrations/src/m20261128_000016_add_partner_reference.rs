//! The number that an order has at its sender.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::string_len_null;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let column = string_len_null(SalesOrders::PartnerReference, 70);
        manager.alter_table(Table::alter().table(SalesOrders::Table).add_column(column).to_owned()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let column = SalesOrders::PartnerReference;
        manager.alter_table(Table::alter().table(SalesOrders::Table).drop_column(column).to_owned()).await
    }
}

#[derive(DeriveIden)]
enum SalesOrders {
    Table,
    PartnerReference,
}
