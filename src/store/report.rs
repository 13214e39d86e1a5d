//! Reports: reads that may take long, each in a snapshot of its own, with a time limit, and cancelled when their caller
//! disconnects. Otherwise PostgreSQL would finish them for no reader, and on SQLite each would occupy its thread and a core.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use sea_orm::sqlx::{self, SqliteConnection};
use sea_orm::{
    AccessMode, ConnectOptions, ConnectionTrait as _, DatabaseTransaction, DbBackend, IsolationLevel, Statement,
    TransactionTrait as _,
};
use tracing::debug;

use super::connect::Store;
use super::error::{StoreError, StoreResult};
use super::sqlite_file;

/// A running report: everything that it reads is of one snapshot.
pub struct Report {
    pub(super) tx: Arc<DatabaseTransaction>,
    guard: Guard,
}

/// Ends what still runs when it is dropped before the report is finished.
struct Guard {
    given_up: Arc<AtomicBool>,
    /// None once it is finished, and on SQLite.
    backend: Option<Backend>,
}

/// A connection as PostgreSQL knows it, in this transaction and no other.
struct Backend {
    pid: i32,
    began: String,
    canceller: Store,
    /// Held until it is ended, so that its connection is not another report's by then.
    tx: Arc<DatabaseTransaction>,
}

tokio::task_local! {
    /// Whether the report that takes a connection was given up.
    static GIVEN_UP: Arc<AtomicBool>;
}

impl Store {
    /// Begins a report.
    pub(super) async fn report(&self) -> StoreResult<Report> {
        let given_up = Arc::new(AtomicBool::new(false));
        // SQLite's transactions are snapshots already and take no level.
        let level = (self.backend() == DbBackend::Postgres).then_some(IsolationLevel::RepeatableRead);
        let access = level.map(|_| AccessMode::ReadOnly);
        let tx = GIVEN_UP.scope(Arc::clone(&given_up), self.reports.begin_with_config(level, access)).await?;
        let tx = Arc::new(tx);
        let mut guard = Guard { given_up, backend: None };
        if level.is_some() {
            if let Some(settings) = &self.reports_begin {
                tx.execute_unprepared(settings).await?;
            }
            let who = Statement::from_string(DbBackend::Postgres, "SELECT pg_backend_pid(), now()::text");
            if let Some(row) = tx.query_one_raw(who).await? {
                let (pid, began) = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
                guard.backend = Some(Backend { pid, began, canceller: self.clone(), tx: Arc::clone(&tx) });
            }
        }
        Ok(Report { tx, guard })
    }
}

impl Report {
    /// Ends the report.
    pub async fn finish(self) -> StoreResult<()> {
        let Self { tx, mut guard } = self;
        guard.backend = None;
        let committed = match Arc::into_inner(tx) {
            Some(tx) => tx.commit().await,
            None => Ok(()),
        };
        drop(guard);
        Ok(committed?)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.given_up.store(true, Ordering::Relaxed);
        let Some(Backend { pid, began, canceller, tx }) = self.backend.take() else { return };
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        runtime.spawn(async move {
            let cancel = "SELECT pg_cancel_backend(pid) FROM pg_stat_activity
                WHERE pid = $1 AND xact_start = CAST($2 AS timestamptz)";
            let cancel = Statement::from_sql_and_values(DbBackend::Postgres, cancel, [pid.into(), began.into()]);
            let cancelled = async { Ok(canceller.core.query_one_raw(cancel).await?) };
            if let Err(error) = canceller.in_time::<_, StoreError>(cancelled).await {
                // It ends by `statement_timeout`.
                debug!(%error, "a report that was given up could not be ended");
            }
            drop(tx);
        });
    }
}

/// How many steps of SQLite's machine go by between two looks at the time: less than a millisecond.
const STEPS: i32 = 10_000;

/// Limits every report on these connections of SQLite, which has no limit of its own.
pub(super) fn limit_sqlite(connect: &mut ConnectOptions, limit: Duration) {
    connect
        .map_sqlx_sqlite_before_acquire(move |connection, _| {
            let is_usable = sqlite_file::is_usable(connection);
            watch(connection, limit).map(move |watched| watched.map(|()| is_usable)).boxed()
        })
        .map_sqlx_sqlite_pool_opts(move |pool| pool.after_connect(move |connection, _| watch(connection, limit)));
}

fn watch(connection: &mut SqliteConnection, limit: Duration) -> BoxFuture<'_, Result<(), sqlx::Error>> {
    let given_up = GIVEN_UP.try_with(Arc::clone).ok();
    let deadline = Instant::now() + limit;
    let goes_on = move || {
        let is_given_up = given_up.as_ref().is_some_and(|given_up| given_up.load(Ordering::Relaxed));
        !is_given_up && Instant::now() < deadline
    };
    async move {
        connection.lock_handle().await?.set_progress_handler(STEPS, goes_on);
        Ok(())
    }
    .boxed()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::DatabaseOptions;

    /// Never ends by itself.
    const ENDLESS: &str = "WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n";

    async fn store(folder: &tempfile::TempDir, statement_timeout: Duration) -> Store {
        let path = folder.path().join("orders.db");
        let options = DatabaseOptions { max_connections: 6, statement_timeout, ..DatabaseOptions::in_test(&path) };
        Store::connect(&options).await.unwrap()
    }

    fn endless() -> Statement {
        Statement::from_string(DbBackend::Sqlite, ENDLESS)
    }

    #[tokio::test]
    async fn a_report_on_sqlite_is_ended_after_its_time_and_the_next_one_has_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(&folder, Duration::from_millis(50)).await;
        for _ in 0..3 {
            let report = store.report().await.unwrap();
            let failure = StoreError::from(report.tx.query_one_raw(endless()).await.unwrap_err());
            assert!(matches!(failure, StoreError::TooSlow(_)), "{failure:?}");
        }
        store.close().await;
    }

    #[tokio::test]
    async fn a_report_on_sqlite_that_is_given_up_leaves_its_connection_to_the_next_one() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(&folder, Duration::from_hours(24)).await;
        let report = store.report().await.unwrap();
        let mut running = report.tx.query_one_raw(endless());
        assert!(futures_util::poll!(&mut running).is_pending());
        drop(running);
        drop(report);
        // The only one there is: it is free once the endless statement has ended.
        let next = tokio::time::timeout(Duration::from_mins(1), store.report()).await;
        next.expect("the connection is free").unwrap().finish().await.unwrap();
        store.close().await;
    }
}
