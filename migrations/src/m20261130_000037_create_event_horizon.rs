//! How far the feed of events has expired: one row.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, integer};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table(EventHorizon::Table)
                    .col(integer(EventHorizon::Id).primary_key().check(Expr::col(EventHorizon::Id).eq(1)))
                    .col(big_integer(EventHorizon::Position))
                    .to_owned(),
            )
            .await?;
        let row = Query::insert()
            .into_table(EventHorizon::Table)
            .columns([EventHorizon::Id, EventHorizon::Position])
            .values_panic([1.into(), 0.into()])
            .to_owned();
        manager.exec_stmt(row).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(EventHorizon::Table).to_owned()).await
    }
}

#[derive(DeriveIden)]
enum EventHorizon {
    Table,
    Id,
    Position,
}
