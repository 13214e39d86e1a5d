//! How keys and secrets are used, so that an operator sees when an old one can go: with which form of signature a key was
//! last used, and from where a secret. And from where each client logs in, so that it is not taken for a guesser there.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, big_integer_null, string_len, string_len_null};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // One column a statement: SQLite adds no more at once.
        for column in [ClientPublicKeys::DocumentedUsedAt, ClientPublicKeys::BodyBoundUsedAt] {
            let table = Table::alter().table(ClientPublicKeys::Table).add_column(big_integer_null(column)).to_owned();
            manager.alter_table(table).await?;
        }
        let column = string_len_null(ClientSecrets::LastUsedFrom, 45);
        manager.alter_table(Table::alter().table(ClientSecrets::Table).add_column(column).to_owned()).await?;
        manager
            .create_table(
                Table::create()
                    .table(ClientAddresses::Table)
                    .col(string_len(ClientAddresses::ClientId, 64))
                    .col(string_len(ClientAddresses::Address, 45))
                    .col(big_integer(ClientAddresses::LastUsedAt))
                    .primary_key(Index::create().col(ClientAddresses::ClientId).col(ClientAddresses::Address))
                    .foreign_key(
                        ForeignKey::create()
                            .name("fk_client_addresses_client_id")
                            .from(ClientAddresses::Table, ClientAddresses::ClientId)
                            .to(Clients::Table, Clients::ClientId),
                    )
                    .to_owned(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(ClientAddresses::Table).to_owned()).await?;
        let table = Table::alter().table(ClientSecrets::Table).drop_column(ClientSecrets::LastUsedFrom).to_owned();
        manager.alter_table(table).await?;
        for column in [ClientPublicKeys::DocumentedUsedAt, ClientPublicKeys::BodyBoundUsedAt] {
            manager.alter_table(Table::alter().table(ClientPublicKeys::Table).drop_column(column).to_owned()).await?;
        }
        Ok(())
    }
}

#[derive(DeriveIden)]
enum ClientPublicKeys {
    Table,
    DocumentedUsedAt,
    BodyBoundUsedAt,
}

#[derive(DeriveIden)]
enum ClientSecrets {
    Table,
    LastUsedFrom,
}

#[derive(DeriveIden)]
enum Clients {
    Table,
    ClientId,
}

#[derive(DeriveIden)]
enum ClientAddresses {
    Table,
    ClientId,
    Address,
    LastUsedAt,
}
