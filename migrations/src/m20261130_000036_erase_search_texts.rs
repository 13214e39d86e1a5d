//! On SQLite a text that an order has no more leaves the index of searches at once, instead of when its parts are merged some day: an
//! erased address would stand in the file and in every copy until then.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

#[derive(DeriveMigrationName)]
pub struct Migration;

const UP: [&str; 2] = [
    "INSERT INTO sales_order_search (sales_order_search, rank) VALUES ('secure-delete', 1)",
    // What was left of earlier texts.
    "INSERT INTO sales_order_search (sales_order_search) VALUES ('optimize')",
];

const DOWN: [&str; 2] = [
    "INSERT INTO sales_order_search (sales_order_search, rank) VALUES ('secure-delete', 0)",
    // Into the form that SQLite before 3.42 reads.
    "INSERT INTO sales_order_search (sales_order_search) VALUES ('rebuild')",
];

/// What versions before cannot read.
const UNREADABLE: &str = "DELETE FROM sales_order_events WHERE kind = 'PERSONAL_DATA_ERASED'";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        of_sqlite(manager, UP).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.get_connection().execute_unprepared(UNREADABLE).await?;
        of_sqlite(manager, DOWN).await
    }
}

async fn of_sqlite(manager: &SchemaManager<'_>, statements: [&str; 2]) -> Result<(), DbErr> {
    if manager.get_database_backend() == DbBackend::Sqlite {
        for statement in statements {
            manager.get_connection().execute_unprepared(statement).await?;
        }
    }
    Ok(())
}
