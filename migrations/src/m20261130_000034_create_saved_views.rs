//! Views of the list of orders that people keep: a filter, a sequence and columns under a name.
//!
//! Whose list begins with a view, or the lists of which scope, is a column of the view that no two views may have alike.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, boolean, integer, string_len, string_len_null, text};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table(SavedViews::Table)
                    .col(string_len(SavedViews::ClientId, 64))
                    .col(string_len(SavedViews::Name, 64))
                    .col(boolean(SavedViews::IsShared))
                    .col(text(SavedViews::Content))
                    .col(string_len_null(SavedViews::DefaultOf, 64).unique_key())
                    .col(string_len_null(SavedViews::DefaultFor, 64).unique_key())
                    .col(integer(SavedViews::Version))
                    .col(big_integer(SavedViews::CreatedAt))
                    .col(big_integer(SavedViews::UpdatedAt))
                    .primary_key(Index::create().col(SavedViews::ClientId).col(SavedViews::Name))
                    .foreign_key(
                        ForeignKey::create()
                            .name("fk_saved_views_client_id")
                            .from(SavedViews::Table, SavedViews::ClientId)
                            .to(Clients::Table, Clients::ClientId),
                    )
                    .to_owned(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(SavedViews::Table).to_owned()).await
    }
}

#[derive(DeriveIden)]
enum Clients {
    Table,
    ClientId,
}

#[derive(DeriveIden)]
enum SavedViews {
    Table,
    ClientId,
    Name,
    IsShared,
    Content,
    DefaultOf,
    DefaultFor,
    Version,
    CreatedAt,
    UpdatedAt,
}
