//! Instances of the service: each says now and then that it runs, what it is busy with, and by fingerprints how it is configured.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, string_len, text};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table(Instances::Table)
                    .col(string_len(Instances::Id, 64).primary_key())
                    .col(string_len(Instances::Name, 255))
                    .col(string_len(Instances::Version, 64))
                    .col(big_integer(Instances::StartedAt))
                    .col(big_integer(Instances::SeenAt))
                    .col(text(Instances::Configuration))
                    .col(text(Instances::Load))
                    .to_owned(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(Instances::Table).to_owned()).await
    }
}

#[derive(DeriveIden)]
enum Instances {
    Table,
    Id,
    Name,
    Version,
    StartedAt,
    SeenAt,
    Configuration,
    Load,
}
