//! Clients, their secrets and their public keys.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, big_integer_null, big_pk_auto, string_len, text};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table(Clients::Table)
                    .col(string_len(Clients::ClientId, 64).primary_key())
                    .col(string_len(Clients::Name, 128))
                    .col(text(Clients::Scopes))
                    .col(
                        string_len(Clients::SignaturePolicy, 16)
                            .check(Expr::col(Clients::SignaturePolicy).is_in(["documented", "body_bound"])),
                    )
                    .col(big_integer(Clients::SessionGeneration))
                    .col(big_integer(Clients::CreatedAt))
                    .col(big_integer_null(Clients::DisabledAt))
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table(ClientSecrets::Table)
                    .col(big_pk_auto(ClientSecrets::Id))
                    .col(string_len(ClientSecrets::ClientId, 64))
                    .col(text(ClientSecrets::SecretHash))
                    .col(big_integer(ClientSecrets::CreatedAt))
                    .col(big_integer_null(ClientSecrets::ExpiresAt))
                    .col(big_integer_null(ClientSecrets::LastUsedAt))
                    .foreign_key(
                        ForeignKey::create()
                            .name("fk_client_secrets_client_id")
                            .from(ClientSecrets::Table, ClientSecrets::ClientId)
                            .to(Clients::Table, Clients::ClientId),
                    )
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("ix_client_secrets_client_id")
                    .table(ClientSecrets::Table)
                    .col(ClientSecrets::ClientId)
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table(ClientPublicKeys::Table)
                    .col(big_pk_auto(ClientPublicKeys::Id))
                    .col(string_len(ClientPublicKeys::ClientId, 64))
                    .col(string_len(ClientPublicKeys::Fingerprint, 64))
                    .col(text(ClientPublicKeys::PublicKeyPem))
                    .col(big_integer(ClientPublicKeys::CreatedAt))
                    .col(big_integer_null(ClientPublicKeys::NotBefore))
                    .col(big_integer_null(ClientPublicKeys::ExpiresAt))
                    .col(big_integer_null(ClientPublicKeys::RevokedAt))
                    .col(big_integer_null(ClientPublicKeys::LastUsedAt))
                    .foreign_key(
                        ForeignKey::create()
                            .name("fk_client_public_keys_client_id")
                            .from(ClientPublicKeys::Table, ClientPublicKeys::ClientId)
                            .to(Clients::Table, Clients::ClientId),
                    )
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("ux_client_public_keys_client_id_fingerprint")
                    .table(ClientPublicKeys::Table)
                    .col(ClientPublicKeys::ClientId)
                    .col(ClientPublicKeys::Fingerprint)
                    .unique()
                    .to_owned(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(ClientPublicKeys::Table).to_owned()).await?;
        manager.drop_table(Table::drop().table(ClientSecrets::Table).to_owned()).await?;
        manager.drop_table(Table::drop().table(Clients::Table).to_owned()).await
    }
}

#[derive(DeriveIden)]
enum Clients {
    Table,
    ClientId,
    Name,
    Scopes,
    SignaturePolicy,
    SessionGeneration,
    CreatedAt,
    DisabledAt,
}

#[derive(DeriveIden)]
enum ClientSecrets {
    Table,
    Id,
    ClientId,
    SecretHash,
    CreatedAt,
    ExpiresAt,
    LastUsedAt,
}

#[derive(DeriveIden)]
enum ClientPublicKeys {
    Table,
    Id,
    ClientId,
    Fingerprint,
    PublicKeyPem,
    CreatedAt,
    NotBefore,
    ExpiresAt,
    RevokedAt,
    LastUsedAt,
}
