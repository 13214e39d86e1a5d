//! Whether an order could be stored: it is tried, and none is left behind.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::FutureExt as _;
use sea_orm::sqlx::{AssertSqlSafe, Executor as _};
use sea_orm::{ConnectOptions, ConnectionTrait as _, DbBackend};

use super::connect::Store;
use super::error::StoreResult;
use super::{OrderToInsert, events, orders, sqlite_file};

/// Written, but to no table: a record of the log that waits for the disk and for a standby as an order does, and leaves
/// nothing behind.
const POSTGRES: &str = "SELECT pg_logical_emit_message(true, 'sales-order-api', 'probe')";

/// Writes the file's first page, and does not change it: nobody uses this number.
const SQLITE: &str = "PRAGMA user_version = 0";

/// How long it waits on SQLite for another process' write. Orders wait behind it, and then as long again as they may.
const SHORTLY: Duration = Duration::from_secs(1);

tokio::task_local! {
    /// Whoever takes the connection only wants to find out.
    static FINDING_OUT: ();
}

/// Has SQLite's writer wait for another process' write as long as usual, but for a probe only shortly.
pub(super) fn wait_shortly(connect: &mut ConnectOptions, usual: Duration) {
    let is_short = Arc::new(AtomicBool::new(false));
    connect.map_sqlx_sqlite_before_acquire(move |connection, _| {
        let is_usable = sqlite_file::is_usable(connection);
        // A connection that replaces it is new.
        let shortly = is_usable && FINDING_OUT.try_with(|()| ()).is_ok();
        let is_as_before = is_short.swap(shortly, Ordering::Relaxed) == shortly;
        async move {
            if is_usable && !is_as_before {
                let limit = if shortly { SHORTLY.min(usual) } else { usual };
                let set = format!("PRAGMA busy_timeout = {}", limit.as_millis());
                connection.execute(AssertSqlSafe(set)).await?;
            }
            Ok(is_usable)
        }
        .boxed()
    });
}

impl Store {
    /// Fails where an order could not be stored now: with the statement that stores them, so that the same tables, privileges
    /// and locks are asked for, and with a commit that writes. The statement is given no order, or the one that failed last:
    /// there is much that only an order needs, such as a number and room on the disk of the tables.
    pub async fn probe(&self, failed: Option<Arc<OrderToInsert>>) -> StoreResult<()> {
        let numbers = self.numbers.clone();
        let probe = self.transaction_of_orders(|tx| {
            Box::pin(async move {
                orders::rehearse(tx, &numbers, failed.as_deref()).await?;
                events::lock(tx).await?;
                let write = if tx.get_database_backend() == DbBackend::Postgres { POSTGRES } else { SQLITE };
                tx.execute_unprepared(write).await?;
                Ok(())
            })
        });
        FINDING_OUT.scope((), probe).await?;
        match &self.files {
            Some(files) => files.ensure_last_found().await,
            None => Ok(()),
        }
    }
}
