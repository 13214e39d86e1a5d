//! How long a commit takes: on PostgreSQL the log has to reach the disk, and a synchronous standby.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::time::Duration;

use sea_orm::DbBackend;
use sea_orm::sqlx::{self, Row as _};
use tokio::time::{sleep, timeout};
use tracing::debug;

use super::connect::Store;
use super::error::{StoreResult, from_sqlx};

/// By the server's clock, so that neither the way there nor a busy client counts. The message is nobody's: it is there to be
/// written to the log.
const QUESTION: &str = "SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS bigint); BEGIN;
    SELECT CAST(length(pg_logical_emit_message(true, 'sales-order-api', '')::text) AS bigint); COMMIT;
    SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS bigint)";

/// The shortest interval of measuring, which costs a sync, and how long one may take.
const MEASURE_EVERY: Duration = Duration::from_millis(500);
const AT_MOST: Duration = Duration::from_secs(5);

/// The shortest of so many is taken: on a machine without a free core a commit ends late, too.
const REMEMBERED: usize = 8;

impl Store {
    /// How long a commit takes on PostgreSQL, as measured while orders come; zero until then, on SQLite, and where all
    /// work shares a few connections.
    #[must_use]
    pub fn commit_time(&self) -> Duration {
        Duration::from_micros(self.commit_micros.load(Ordering::Relaxed))
    }

    /// Measures it while orders come, for as long as it is polled.
    pub async fn keep_commit_time_known(&self) {
        // Where all work shares a few connections, orders would wait for one.
        if self.backend() == DbBackend::Sqlite || self.named.len() == 1 {
            return;
        }
        let (mut committed, mut last) = (self.committed.subscribe(), VecDeque::with_capacity(REMEMBERED));
        while committed.changed().await.is_ok() {
            match timeout(AT_MOST, self.measure_commit()).await {
                Ok(Ok(micros)) => {
                    last.truncate(REMEMBERED - 1);
                    last.push_front(micros);
                    let shortest = last.iter().copied().min().filter(|_| last.len() == REMEMBERED);
                    self.commit_micros.store(shortest.unwrap_or_default(), Ordering::Relaxed);
                }
                Ok(Err(error)) => debug!(%error, "the time of a commit could not be measured"),
                Err(_) => {}
            }
            sleep(MEASURE_EVERY).await;
        }
    }

    async fn measure_commit(&self) -> StoreResult<u64> {
        let mut connection = self.core.get_postgres_connection_pool().acquire().await.map_err(from_sqlx)?;
        let rows = sqlx::raw_sql(QUESTION).fetch_all(&mut *connection).await.map_err(|error| {
            // It is in a transaction still.
            connection.close_on_drop();
            from_sqlx(error)
        })?;
        let micros = |row: Option<&_>| match row {
            Some(row) => sqlx::postgres::PgRow::try_get(row, 0).map_err(from_sqlx),
            None => Ok(0_i64),
        };
        let (began, ended) = (micros(rows.first())?, micros(rows.last())?);
        Ok(u64::try_from(ended - began).unwrap_or_default())
    }
}
