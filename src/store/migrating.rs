//! The migrations: applied, taken back, and which there are.

use std::collections::HashSet;
use std::time::Duration;

use migrations::{FINISH, Migrator, MigratorTrait, SchemaManager, reporting, seaql_migrations};
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, EntityTrait as _, Statement,
};
use tokio::time::{Instant, sleep};
use tracing::warn;

use super::connect::Store;
use super::error::StoreResult;
use super::events;

/// One migration and whether it is in force.
#[derive(Debug, Clone)]
pub struct MigrationState {
    /// Its file's name.
    pub name: String,
    /// Whether the database has it.
    pub applied: bool,
}

/// How long a migration waits for a table that is in use.
const TABLE_LOCK: Duration = Duration::from_secs(2);

/// How long to wait before the migrations are tried again; orders that waited behind them are stored meanwhile.
const PAUSE: Duration = Duration::from_secs(1);

/// How long they are tried while a table is in use.
const BUSY_TABLES: Duration = Duration::from_mins(1);

impl Store {
    /// Applies the pending migrations, all or none, and gives their names. Instances that start together wait for
    /// each other: on PostgreSQL behind an advisory lock, on SQLite behind its write lock.
    pub async fn migrate_up(&self) -> StoreResult<Vec<String>> {
        if self.migrations().await?.iter().all(|migration| migration.applied) {
            return Ok(Vec::new());
        }
        let began = Instant::now();
        loop {
            let applied = self
                .transaction_of_orders(|tx| {
                    Box::pin(async move {
                        lock_migrations(tx).await?;
                        let pending = Migrator::get_pending_migrations(tx).await?;
                        if !pending.is_empty() {
                            between_views(tx, Migrator::up(tx, None)).await?;
                        }
                        // A new database has no instance of the version before.
                        if pending.len() == Migrator::migrations().len()
                            && tx.get_database_backend() == DbBackend::Postgres
                        {
                            tx.execute_unprepared(FINISH).await?;
                        }
                        Ok(pending.iter().map(|migration| migration.name().to_owned()).collect())
                    })
                })
                .await;
            match applied {
                Err(error) if error.is_lock_conflict() && began.elapsed() < BUSY_TABLES => {
                    let busy_with = self.busy_with().await.unwrap_or_default();
                    warn!(busy_with, "a migration waits for a table that is in use; trying again");
                    sleep(PAUSE).await;
                }
                applied => return applied,
            }
        }
    }

    /// Who has had a transaction open for longer than a migration waits.
    async fn busy_with(&self) -> StoreResult<String> {
        let others = "SELECT coalesce(string_agg(format('%s (process %s)', application_name, pid), ', '), 'nobody any more')
            FROM pg_stat_activity
            WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start < now() - interval '2 seconds'";
        let row = self.core.query_one_raw(Statement::from_string(DbBackend::Postgres, others)).await?;
        Ok(row.map(|row| row.try_get_by_index(0)).transpose()?.unwrap_or_default())
    }

    /// Lets transactions of orders run side by side: from now on no instance of the version before may run. Gives whether that
    /// was new. On SQLite there is one writer.
    pub async fn finish_migrations(&self) -> StoreResult<bool> {
        if self.backend() == DbBackend::Sqlite {
            return Ok(false);
        }
        self.transaction_of_orders(|tx| {
            Box::pin(async move {
                // Whoever appends in the former way has committed then.
                events::lock_alone(tx).await?;
                let is_finished = are_side_by_side(tx).await?;
                if !is_finished {
                    tx.execute_unprepared(FINISH).await?;
                }
                Ok(!is_finished)
            })
        })
        .await
    }

    /// Whether `migrate finish` is due.
    pub async fn is_unfinished(&self) -> StoreResult<bool> {
        Ok(self.backend() == DbBackend::Postgres && !are_side_by_side(&self.core).await?)
    }

    /// Takes back the last `steps` migrations and gives their names. Their tables' rows are gone with them.
    pub async fn migrate_down(&self, steps: u32) -> StoreResult<Vec<String>> {
        self.transaction_of_orders(move |tx| {
            Box::pin(async move {
                lock_migrations(tx).await?;
                let mut applied = Migrator::get_applied_migrations(tx).await?;
                applied.reverse();
                applied.truncate(steps as usize);
                between_views(tx, Migrator::down(tx, Some(steps))).await?;
                Ok(applied.iter().map(|migration| migration.name().to_owned()).collect())
            })
        })
        .await
    }

    /// Every migration and whether the database has it. Changes nothing.
    pub async fn migrations(&self) -> StoreResult<Vec<MigrationState>> {
        let applied = self.looked(applied_migrations(&self.core).await)?;
        let state = |name: String| MigrationState { applied: applied.contains(&name), name };
        Ok(Migrator::migrations().iter().map(|migration| state(migration.name().to_owned())).collect())
    }
}

async fn are_side_by_side(connection: &impl ConnectionTrait) -> Result<bool, DbErr> {
    let statement = Statement::from_string(DbBackend::Postgres, "SELECT orders_are_stored_side_by_side()");
    connection.query_one_raw(statement).await?.map_or(Ok(false), |row| row.try_get_by_index(0))
}

/// Changes the schema while the views for reporting are out of the way.
async fn between_views(
    tx: &DatabaseTransaction,
    change: impl Future<Output = Result<(), DbErr>> + Send,
) -> Result<(), DbErr> {
    let grants = reporting::take_down(tx).await?;
    change.await?;
    let applied = Migrator::get_applied_migrations(tx).await?;
    if applied.iter().any(|migration| migration.name() == reporting::MIGRATION) {
        reporting::put_up(tx, &grants).await?;
    }
    Ok(())
}

/// Any number will do as long as nobody else in the database uses it; this one spells "sales-or" in ASCII.
const MIGRATION_LOCK: i64 = 0x7361_6c65_732d_6f72;

async fn lock_migrations(tx: &DatabaseTransaction) -> Result<(), DbErr> {
    if tx.get_database_backend() == DbBackend::Postgres {
        // However long the other instance takes. A table that is in use is waited for only shortly: everybody else who
        // wants it waits behind the migration.
        let wait = format!(
            "SET LOCAL lock_timeout = 0; SELECT pg_advisory_xact_lock({MIGRATION_LOCK});
             SET LOCAL lock_timeout = {}",
            TABLE_LOCK.as_millis()
        );
        tx.execute_unprepared(&wait).await?;
    }
    Ok(())
}

/// The names of the migrations the database has, also of ones this version does not know: a newer instance may have
/// applied them, and this one goes on beside it.
pub(super) async fn applied_migrations(connection: &DatabaseConnection) -> StoreResult<HashSet<String>> {
    if !SchemaManager::new(connection).has_table("seaql_migrations").await? {
        return Ok(HashSet::new());
    }
    let rows = seaql_migrations::Entity::find().all(connection).await?;
    Ok(rows.into_iter().map(|row| row.version).collect())
}

/// Those that this version does not know, the newest last.
pub(super) fn unknown(applied: &HashSet<String>) -> Vec<String> {
    let known: HashSet<_> = Migrator::migrations().iter().map(|migration| migration.name().to_owned()).collect();
    let mut unknown: Vec<_> = applied.difference(&known).cloned().collect();
    unknown.sort_unstable();
    unknown
}
