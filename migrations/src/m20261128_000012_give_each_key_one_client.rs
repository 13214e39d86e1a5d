//! One public key is registered for one client, and how often a client's signatures were used again.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, big_integer_null, boolean};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let column = boolean(ClientPublicKeys::IsShared).default(false).take();
        manager.alter_table(Table::alter().table(ClientPublicKeys::Table).add_column(column).to_owned()).await?;
        // Keys that several clients have already go on counting; only they stay out of the index.
        manager
            .get_connection()
            .execute_unprepared(
                "UPDATE client_public_keys SET is_shared = true
                 WHERE revoked_at IS NULL AND fingerprint IN (
                     SELECT fingerprint FROM client_public_keys WHERE revoked_at IS NULL
                     GROUP BY fingerprint HAVING count(*) > 1)",
            )
            .await?;
        manager
            .get_connection()
            .execute_unprepared(
                "CREATE UNIQUE INDEX ux_client_public_keys_fingerprint ON client_public_keys (fingerprint)
                 WHERE revoked_at IS NULL AND NOT is_shared",
            )
            .await?;
        // One column a statement: SQLite adds no more at once.
        for column in
            [big_integer(Clients::SignatureReuses).default(0).take(), big_integer_null(Clients::SignatureReusedAt)]
        {
            manager.alter_table(Table::alter().table(Clients::Table).add_column(column).to_owned()).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in [Clients::SignatureReusedAt, Clients::SignatureReuses] {
            manager.alter_table(Table::alter().table(Clients::Table).drop_column(column).to_owned()).await?;
        }
        manager.get_connection().execute_unprepared("DROP INDEX ux_client_public_keys_fingerprint").await?;
        let column = ClientPublicKeys::IsShared;
        manager.alter_table(Table::alter().table(ClientPublicKeys::Table).drop_column(column).to_owned()).await
    }
}

#[derive(DeriveIden)]
enum ClientPublicKeys {
    Table,
    IsShared,
}

#[derive(DeriveIden)]
enum Clients {
    Table,
    SignatureReuses,
    SignatureReusedAt,
}
