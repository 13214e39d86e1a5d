//! The orders of a client by the time of their last change, for whoever asks what changed.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

#[derive(DeriveMigrationName)]
pub struct Migration;

/// Its kind, its name, and what it is of.
pub const INDEX: (&str, &str, &str) =
    ("INDEX", "ix_sales_orders_client_id_updated_at", "sales_orders (client_id, updated_at, id)");

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if manager.get_database_backend() == DbBackend::Postgres {
            return Ok(());
        }
        let (kind, name, of) = INDEX;
        manager.get_connection().execute_unprepared(&format!("CREATE {kind} {name} ON {of}")).await.map(drop)
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.get_connection().execute_unprepared(&format!("DROP INDEX IF EXISTS {}", INDEX.1)).await.map(drop)
    }
}
