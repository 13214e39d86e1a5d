//! The sender's own reference of a line.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::string_len_null;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let column = string_len_null(SalesOrderLines::Reference, 35);
        manager.alter_table(Table::alter().table(SalesOrderLines::Table).add_column(column).to_owned()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let column = SalesOrderLines::Reference;
        manager.alter_table(Table::alter().table(SalesOrderLines::Table).drop_column(column).to_owned()).await
    }
}

#[derive(DeriveIden)]
enum SalesOrderLines {
    Table,
    Reference,
}
