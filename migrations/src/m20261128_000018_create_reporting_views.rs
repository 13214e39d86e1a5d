//! The views for reporting. Whoever applies migrations makes them anew afterwards (`reporting::put_up`), so what they show is
//! not frozen here.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

use crate::reporting;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        reporting::put_up(manager.get_connection(), &reporting::Grants::default()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        reporting::take_down(manager.get_connection()).await?;
        if manager.get_database_backend() == DbBackend::Postgres {
            reporting::forget_units(manager.get_connection()).await?;
        }
        Ok(())
    }
}
