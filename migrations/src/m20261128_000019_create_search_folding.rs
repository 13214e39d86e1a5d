//! How far the texts that searches look through were folded anew, for each form of folding. The texts themselves are written
//! afterwards, batch by batch, while orders are taken. On SQLite their index follows a text that is written anew.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, integer};
use sea_orm_migration::sea_orm::DbBackend;

#[derive(DeriveMigrationName)]
pub struct Migration;

const TRIGGER: &str = "CREATE TRIGGER tr_sales_orders_searched AFTER UPDATE OF search_text ON sales_orders
    WHEN old.search_text <> new.search_text BEGIN
        INSERT INTO sales_order_search (sales_order_search, rowid, search_text) VALUES ('delete', old.id, old.search_text);
        INSERT INTO sales_order_search (rowid, search_text) VALUES (new.id, new.search_text);
    END";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table(SalesOrderSearchFolding::Table)
            .col(integer(SalesOrderSearchFolding::Form).primary_key())
            .col(big_integer(SalesOrderSearchFolding::FoldedUpTo))
            .to_owned();
        manager.create_table(table).await?;
        if manager.get_database_backend() == DbBackend::Sqlite {
            manager.get_connection().execute_unprepared(TRIGGER).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if manager.get_database_backend() == DbBackend::Sqlite {
            manager.get_connection().execute_unprepared("DROP TRIGGER tr_sales_orders_searched").await?;
        }
        manager.drop_table(Table::drop().table(SalesOrderSearchFolding::Table).to_owned()).await
    }
}

#[derive(DeriveIden)]
enum SalesOrderSearchFolding {
    Table,
    Form,
    FoldedUpTo,
}
