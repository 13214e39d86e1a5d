//! Indexes of large tables that are in use. Within a transaction, as a migration is, PostgreSQL keeps every writer out of the
//! table until one is built; so they are built afterwards, while orders are taken.

use migrations::ONLINE_INDEXES;
use sea_orm::DbBackend;
use sea_orm::sqlx::{self, AssertSqlSafe, Connection as _, Executor as _, PgConnection};
use tracing::info;

use super::connect::Store;
use super::error::{StoreResult, from_sqlx};

/// Two that built the same index would wait for each other. Any number will do that nobody else in the database uses; this one
/// spells "sales-ix" in ASCII.
const BUILD_LOCK: i64 = 0x7361_6c65_732d_6978;

/// Whether it can be used. One that cannot was left behind by a build that was broken off.
const IS_VALID: &str = "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass($1)";

impl Store {
    /// Builds the indexes that are missing, unless another instance does, which waits for every transaction that began before.
    /// Until it ends, and where it fails, what they are for only takes longer.
    pub async fn build_indexes(&self) -> StoreResult<()> {
        // A pooler in transaction mode would leave the lock and the settings to whoever gets the connection next.
        if self.backend() != DbBackend::Postgres || !self.has_sessions() {
            return Ok(());
        }
        let pool = self.reports.get_postgres_connection_pool();
        // A connection of its own: it is closed afterwards, with its settings and its lock.
        let mut connection = pool.acquire().await.map_err(from_sqlx)?.detach();
        let built = build(&mut connection).await;
        let closed = connection.close().await;
        built.and(closed).map_err(from_sqlx)
    }
}

async fn build(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    connection.execute("SET lock_timeout = 0").await?;
    connection.execute("SET statement_timeout = 0").await?;
    // Tried, not waited for: whoever waits is waited for by the build.
    let lock = "SELECT pg_try_advisory_lock($1)";
    if !sqlx::query_scalar::<_, bool>(lock).bind(BUILD_LOCK).fetch_one(&mut *connection).await? {
        return Ok(());
    }
    for (kind, name, of) in ONLINE_INDEXES {
        let is_valid = sqlx::query_scalar(IS_VALID).bind(name).fetch_optional(&mut *connection).await?;
        match is_valid {
            Some(true) => continue,
            Some(false) => {
                let drop = format!("DROP INDEX CONCURRENTLY IF EXISTS {name}");
                connection.execute(AssertSqlSafe(drop)).await?;
            }
            None => {}
        }
        info!(name, "building an index; orders are taken meanwhile");
        connection.execute(AssertSqlSafe(format!("CREATE {kind} CONCURRENTLY {name} ON {of}"))).await?;
    }
    Ok(())
}
