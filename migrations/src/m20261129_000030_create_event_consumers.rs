//! How far the programs are that read the feed of events, for those that let the service keep it.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, string_len};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table(EventConsumers::Table)
                    .col(string_len(EventConsumers::ClientId, 64))
                    .col(string_len(EventConsumers::Name, 64))
                    .col(big_integer(EventConsumers::Position))
                    .col(big_integer(EventConsumers::CreatedAt))
                    .col(big_integer(EventConsumers::UpdatedAt))
                    .primary_key(Index::create().col(EventConsumers::ClientId).col(EventConsumers::Name))
                    .foreign_key(
                        ForeignKey::create()
                            .name("fk_event_consumers_client_id")
                            .from(EventConsumers::Table, EventConsumers::ClientId)
                            .to(Clients::Table, Clients::ClientId),
                    )
                    .to_owned(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(EventConsumers::Table).to_owned()).await
    }
}

#[derive(DeriveIden)]
enum Clients {
    Table,
    ClientId,
}

#[derive(DeriveIden)]
enum EventConsumers {
    Table,
    ClientId,
    Name,
    Position,
    CreatedAt,
    UpdatedAt,
}
