//! What happens to an order that comes to another amount than its sender expects, by the client's policy. The amounts themselves are
//! compared and not kept.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::string_len;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let policies = Expr::col(Clients::ExpectationPolicy).is_in(["warn", "refuse"]);
        let policy = string_len(Clients::ExpectationPolicy, 16).default("warn").check(policies).to_owned();
        manager.alter_table(Table::alter().table(Clients::Table).add_column(policy).to_owned()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let column = Clients::ExpectationPolicy;
        manager.alter_table(Table::alter().table(Clients::Table).drop_column(column).to_owned()).await
    }
}

#[derive(DeriveIden)]
enum Clients {
    Table,
    ExpectationPolicy,
}
