//! The key that seals cursors and ids: one row, made here, so that every instance has the same one. Whoever reads this
//! table can read running numbers from cursors; nothing else depends on it.

use std::time::SystemTime;

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, binary, integer};

#[derive(DeriveMigrationName)]
pub struct Migration;

/// Of AES-256.
const KEY_BYTES: usize = 32;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table(SealingKeys::Table)
                    // One row and no more.
                    .col(integer(SealingKeys::Id).primary_key().check(Expr::col(SealingKeys::Id).eq(1)))
                    .col(binary(SealingKeys::Key))
                    .col(big_integer(SealingKeys::CreatedAt))
                    .to_owned(),
            )
            .await?;
        let mut key = [0; KEY_BYTES];
        getrandom::fill(&mut key)
            .map_err(|error| DbErr::Custom(format!("no randomness for the sealing key: {error}")))?;
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let micros: i64 = now.as_micros().try_into().unwrap_or(i64::MAX);
        // As a parameter, so that no log of statements holds the key.
        let insert = Query::insert()
            .into_table(SealingKeys::Table)
            .columns([SealingKeys::Id, SealingKeys::Key, SealingKeys::CreatedAt])
            .values_panic([1.into(), key.to_vec().into(), micros.into()])
            .to_owned();
        manager.execute(insert).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(SealingKeys::Table).to_owned()).await
    }
}

#[derive(DeriveIden)]
enum SealingKeys {
    Table,
    Id,
    Key,
    CreatedAt,
}
