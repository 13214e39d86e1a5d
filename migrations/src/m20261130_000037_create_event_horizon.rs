//! How far the feed of events is gone, and how far expired events were removed: one row.

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
                    .col(big_integer(EventHorizon::Swept))
                    .to_owned(),
            )
            .await?;
        let row = Query::insert()
            .into_table(EventHorizon::Table)
            .columns([EventHorizon::Id, EventHorizon::Position, EventHorizon::Swept])
            .values_panic([1.into(), 0.into(), 0.into()])
            .to_owned();
        manager.exec_stmt(row).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let gone = Query::select()
            .expr(Expr::value(1))
            .from(EventHorizon::Table)
            .and_where(Expr::col(EventHorizon::Position).gt(0))
            .to_owned();
        if manager.get_connection().query_one(&gone).await?.is_some() {
            let message = "events of the feed are gone, and the version before would read on there with a gap and tell nobody: keep this version, or restore a \
                           backup from before";
            return Err(DbErr::Custom(message.to_owned()));
        }
        manager.drop_table(Table::drop().table(EventHorizon::Table).to_owned()).await
    }
}

#[derive(DeriveIden)]
enum EventHorizon {
    Table,
    Id,
    Position,
    Swept,
}
