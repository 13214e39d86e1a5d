//! People beside machines: who signs in at a provider of identities is a client too, known by what the provider calls them; and the
//! sessions of their browsers.
//!
//! Instances of the version before make machines, and do not ask.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, big_pk_auto, string_len, text, text_null};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let kinds = Expr::col(Clients::Kind).is_in(["MACHINE", "PERSON"]);
        let kind = string_len(Clients::Kind, 16).default("MACHINE").check(kinds).to_owned();
        for column in [kind, text_null(Clients::Issuer), text_null(Clients::Subject)] {
            manager.alter_table(Table::alter().table(Clients::Table).add_column(column).to_owned()).await?;
        }
        manager
            .create_index(
                Index::create()
                    .name(BY_SUBJECT)
                    .table(Clients::Table)
                    .col(Clients::Issuer)
                    .col(Clients::Subject)
                    .unique()
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table(PersonSessions::Table)
                    .col(big_pk_auto(PersonSessions::Id))
                    .col(string_len(PersonSessions::ClientId, 64))
                    .col(string_len(PersonSessions::TokenHash, 64).unique_key())
                    .col(big_integer(PersonSessions::SessionGeneration))
                    .col(big_integer(PersonSessions::CreatedAt))
                    .col(big_integer(PersonSessions::LastUsedAt))
                    .col(big_integer(PersonSessions::ExpiresAt))
                    .col(text(PersonSessions::UserAgent))
                    .col(string_len(PersonSessions::Network, 64))
                    .foreign_key(
                        ForeignKey::create()
                            .name("fk_person_sessions_client_id")
                            .from(PersonSessions::Table, PersonSessions::ClientId)
                            .to(Clients::Table, Clients::ClientId),
                    )
                    .to_owned(),
            )
            .await?;
        for (name, column) in [
            ("ix_person_sessions_client_id", PersonSessions::ClientId),
            ("ix_person_sessions_expires_at", PersonSessions::ExpiresAt),
        ] {
            let index = Index::create().name(name).table(PersonSessions::Table).col(column).to_owned();
            manager.create_index(index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(PersonSessions::Table).to_owned()).await?;
        manager.drop_index(Index::drop().name(BY_SUBJECT).table(Clients::Table).to_owned()).await?;
        for column in [Clients::Subject, Clients::Issuer, Clients::Kind] {
            manager.alter_table(Table::alter().table(Clients::Table).drop_column(column).to_owned()).await?;
        }
        Ok(())
    }
}

const BY_SUBJECT: &str = "ux_clients_issuer_subject";

#[derive(DeriveIden)]
enum Clients {
    Table,
    ClientId,
    Kind,
    Issuer,
    Subject,
}

#[derive(DeriveIden)]
enum PersonSessions {
    Table,
    Id,
    ClientId,
    TokenHash,
    SessionGeneration,
    CreatedAt,
    LastUsedAt,
    ExpiresAt,
    UserAgent,
    Network,
}
