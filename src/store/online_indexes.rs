//! Indexes of large tables that are in use. Within a transaction, as a migration is, PostgreSQL keeps every writer out of the
//! table until one is built; so they are built afterwards, while orders are taken.

use migrations::ONLINE_INDEXES;
use sea_orm::DbBackend;
use sea_orm::sqlx::{self, AssertSqlSafe, Connection as _, Executor as _, PgConnection};
use tracing::info;

use super::connect::Store;
use super::error::{StoreResult, from_sqlx};

/// Whether it can be used, and whether somebody is building it: what a build that was broken off left behind is of no use.
const STATE: &str = "SELECT indisvalid, EXISTS (
        SELECT FROM pg_stat_progress_create_index WHERE index_relid = indexrelid
    ) FROM pg_index WHERE indexrelid = to_regclass($1)";

impl Store {
    /// Builds the indexes that are missing, which waits for every transaction that began before. Until it ends, and where it
    /// fails, what they are for only takes longer.
    pub async fn build_indexes(&self) -> StoreResult<()> {
        if self.backend() != DbBackend::Postgres {
            return Ok(());
        }
        let pool = self.reports.get_postgres_connection_pool();
        // A connection of its own, whose settings nobody else meets.
        let mut connection = pool.acquire().await.map_err(from_sqlx)?.detach();
        let built = build(&mut connection).await;
        let closed = connection.close().await;
        built.and(closed).map_err(from_sqlx)
    }
}

async fn build(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    for setting in ["lock_timeout", "statement_timeout"] {
        connection.execute(AssertSqlSafe(format!("SET {setting} = 0"))).await?;
    }
    for (name, of) in ONLINE_INDEXES {
        let state: Option<(bool, bool)> = sqlx::query_as(STATE).bind(name).fetch_optional(&mut *connection).await?;
        match state {
            Some((true, _) | (_, true)) => continue,
            Some(_) => {
                connection.execute(AssertSqlSafe(format!("DROP INDEX CONCURRENTLY {name}"))).await?;
            }
            None => {}
        }
        info!(name, "building an index; orders are taken meanwhile");
        connection.execute(AssertSqlSafe(format!("CREATE INDEX CONCURRENTLY IF NOT EXISTS {name} ON {of}"))).await?;
    }
    Ok(())
}
