//! Connecting, and the two ways into the database: reading and writing.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, SqliteTransactionMode, TransactionOptions,
    TransactionTrait,
};
use tokio::sync::{Semaphore, watch};
use tracing::info;

use super::error::{StoreError, StoreResult};
use super::liveness::Liveness;
use super::options::DatabaseOptions;
use super::pools::Pools;
use super::postgres;
use super::replica::Replica;
use super::request_log::LogFile;
use super::signal::{self, ListenAt};
use super::sqlite_file::OpenFiles;
use super::summary::Counted;
use crate::domain::numbers::Numbers;

/// The database. Cloning shares its connections.
///
/// Each kind of work has connections of its own, so that no number of slow reports keeps an order, a login or a health
/// check waiting (`a_partner_orders_and_logs_in_while_reports_hold_every_connection`).
#[derive(Debug, Clone)]
pub struct Store {
    /// Pages, and what belongs to their orders.
    pub(super) read: DatabaseConnection,
    /// What an order, a login and a health check read.
    pub(super) core: DatabaseConnection,
    /// Reads that may take long.
    pub(super) reports: DatabaseConnection,
    reports_at_once: usize,
    write: DatabaseConnection,
    /// Each pool once, by its name.
    pub(super) named: Vec<(&'static str, DatabaseConnection)>,
    /// Turns of changes other than orders, which must not fill the queue for the connections orders are stored on.
    changes: Arc<Semaphore>,
    /// Told after each commit of this process, and of those of others that the database tells of.
    pub(super) appended: watch::Sender<()>,
    /// Told after each commit of this process.
    pub(super) committed: watch::Sender<()>,
    /// Up to here no event comes any more.
    pub(super) end_of_feed: Arc<AtomicI64>,
    /// How long a commit takes, as measured.
    pub(super) commit_micros: Arc<AtomicU64>,
    /// Customers of spans of time that were counted before.
    pub(super) counted: Counted,
    /// Where pages and reports may be read instead.
    pub(super) replica: Option<Replica>,
    liveness: Liveness,
    /// Whether the last change was not taken.
    is_refusing: Arc<AtomicBool>,
    pub(super) patience: Duration,
    /// Where to be told of events, if not where everything else goes.
    pub(super) listen_at: ListenAt,
    /// What a transaction begins with where connections have no settings.
    pub(super) changes_begin: Option<Arc<str>>,
    pub(super) reports_begin: Option<Arc<str>>,
    /// What gives new orders their numbers.
    pub(super) numbers: Numbers,
    /// On SQLite: the files the connections have open.
    pub(super) files: Option<OpenFiles>,
    /// On SQLite: the log of requests.
    pub(super) log_file: Option<LogFile>,
}

type Boxed<'a, T> = Pin<Box<dyn Future<Output = StoreResult<T>> + Send + 'a>>;

impl Store {
    /// Connects. On SQLite the file and its folder are made when they are not there.
    pub async fn connect(options: &DatabaseOptions) -> StoreResult<Self> {
        let Pools { mut read, mut core, mut reports, reports_at_once, mut write, named, liveness, files } =
            Pools::connect(options).await?;
        for connection in [&mut read, &mut core, &mut reports, &mut write] {
            meter(connection, options.on_statement);
        }
        let changes = Arc::new(Semaphore::new(1));
        let patience = options.acquire_timeout * 2;
        let (appended, committed) = (watch::Sender::new(()), watch::Sender::new(()));
        let listen_at = signal::listen_at(options)?;
        let [of_changes, of_reports] = [false, true].map(|reads| postgres::transaction_settings(options, reads));
        let (changes_begin, reports_begin) = (of_changes.map(Arc::from), of_reports.map(Arc::from));
        let mut store = Self {
            read,
            core,
            reports,
            reports_at_once,
            write,
            named,
            changes,
            appended,
            committed,
            end_of_feed: Arc::default(),
            commit_micros: Arc::default(),
            counted: Counted::default(),
            replica: None,
            liveness,
            is_refusing: Arc::default(),
            patience,
            listen_at,
            changes_begin,
            reports_begin,
            numbers: options.numbers.clone(),
            files,
            log_file: LogFile::beside(options)?,
        };
        if let Some(replica) = options.replica.as_ref().filter(|_| store.backend() == DbBackend::Postgres) {
            store.follow_replica(options, replica).await?;
        }
        Ok(store)
    }

    /// Whether pages and reports may be read from a replica.
    #[must_use]
    pub fn has_replica(&self) -> bool {
        self.replica.is_some()
    }

    /// The same with other connections for what is only read.
    pub(super) fn reading_from(
        &self,
        read: DatabaseConnection,
        reports: DatabaseConnection,
        liveness: Liveness,
    ) -> Self {
        let (core, named, replica) = (read.clone(), Vec::new(), None);
        Self { read, core, reports, liveness, named, replica, reports_begin: None, ..self.clone() }
    }

    /// How many reports may run side by side.
    #[must_use]
    pub const fn reports_at_once(&self) -> usize {
        self.reports_at_once
    }

    /// How many transactions may run side by side. On PostgreSQL one writes its rows while another commits; SQLite has one
    /// writer.
    #[must_use]
    pub fn writers(&self) -> usize {
        if self.backend() == DbBackend::Sqlite { 1 } else { 2 }
    }

    /// Fails where a commit would be kept by nobody: on SQLite, when the database is no longer the file that was opened. So
    /// nothing may be answered that was not committed before this.
    pub(super) fn ensure_kept(&self) -> StoreResult<()> {
        self.files.as_ref().map_or(Ok(()), OpenFiles::ensure_same)
    }

    pub(super) const fn write(&self) -> &DatabaseConnection {
        &self.write
    }

    pub(super) fn backend(&self) -> DbBackend {
        self.write.get_database_backend()
    }

    /// Runs `work` in one writing transaction: committed when it gives `Ok`, rolled back otherwise. Waits for its turn
    /// among the changes of this instance.
    pub(super) async fn transaction<T, F>(&self, work: F) -> StoreResult<T>
    where
        F: for<'t> FnOnce(&'t DatabaseTransaction) -> Boxed<'t, T> + Send,
        T: Send,
    {
        // It is never closed.
        let _turn = self.changes.acquire().await;
        // Whoever has the turn keeps it from all others, and not every change has a request that ends with its time.
        self.in_time(self.transaction_of_orders(work)).await
    }

    /// The same for orders, which wait for nobody's change, and for what takes long, as migrations do: without a limit of
    /// time.
    pub(super) async fn transaction_of_orders<T, F>(&self, work: F) -> StoreResult<T>
    where
        F: for<'t> FnOnce(&'t DatabaseTransaction) -> Boxed<'t, T> + Send,
        T: Send,
    {
        // IMMEDIATE takes SQLite's write lock at once; a deferred transaction that turns to writing after another
        // process wrote fails without waiting.
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        self.ensure_kept()?;
        let tx = self.written(self.write.begin_with_options(options).await)?;
        if let Some(settings) = &self.changes_begin {
            self.written(tx.execute_unprepared(settings).await)?;
        }
        let outcome = self.written(work(&tx).await)?;
        self.written(tx.commit().await)?;
        self.ensure_kept()?;
        self.note_committed();
        Ok(outcome)
    }

    /// What came of writing something. A server that takes no writes is left: its name may lead to another one by now.
    pub(super) fn written<T, E: Into<StoreError>>(&self, outcome: Result<T, E>) -> StoreResult<T> {
        let outcome = outcome.map_err(|error| {
            let error = error.into().in_writing();
            if error.is_read_only() {
                self.liveness.close_all();
            }
            if matches!(error, StoreError::Unavailable(_)) && !error.is_rolled_back() {
                self.is_refusing.store(true, Ordering::Relaxed);
            }
            error
        });
        self.looked(outcome)
    }

    /// What came of asking the database anything. Where it could not be asked, it is looked for.
    pub(super) fn looked<T>(&self, outcome: StoreResult<T>) -> StoreResult<T> {
        outcome.inspect_err(|error| {
            if matches!(error, StoreError::Unavailable(_)) {
                self.liveness.doubt();
            }
        })
    }

    /// Notes that orders cannot be stored: of several hosts another one may be the primary by now.
    pub fn doubt(&self) {
        self.liveness.doubt();
    }

    /// Whether connections have settings; otherwise transactions have, and nothing is to be written outside of one.
    pub(super) const fn has_sessions(&self) -> bool {
        self.changes_begin.is_none()
    }

    /// Notes that a change is stored: the followers of this instance look for it, and an operator who was told that none
    /// could be is told that they can.
    pub(super) fn note_committed(&self) {
        if self.is_refusing.load(Ordering::Relaxed) && self.is_refusing.swap(false, Ordering::Relaxed) {
            info!("the database takes changes again");
        }
        self.note_appended();
        self.committed.send_replace(());
    }

    /// Wakes the followers of this instance.
    pub(super) fn note_appended(&self) {
        self.appended.send_replace(());
    }
}

/// Has each statement of a connection counted.
pub(super) fn meter(connection: &mut DatabaseConnection, on_statement: fn(&'static str, &str, Duration)) {
    connection.set_metric_callback(move |info| {
        let system = if info.statement.db_backend == DbBackend::Postgres { "postgresql" } else { "sqlite" };
        on_statement(system, &info.statement.sql, info.elapsed);
    });
}

/// The stored form of an instant.
pub(super) fn micros(instant: DateTime<Utc>) -> i64 {
    instant.timestamp_micros()
}

/// The instant of a stored form.
pub(super) fn instant(micros: i64) -> StoreResult<DateTime<Utc>> {
    DateTime::from_timestamp_micros(micros)
        .ok_or_else(|| StoreError::Unreadable { what: "time", value: micros.to_string() })
}

#[cfg(test)]
mod tests {
    use sea_orm::Statement;

    use super::*;

    async fn pragma(connection: &DatabaseConnection, name: &str) -> String {
        let sql = format!("SELECT CAST({name} AS TEXT) FROM pragma_{name}");
        let row = connection.query_one_raw(Statement::from_string(DbBackend::Sqlite, sql)).await.unwrap().unwrap();
        row.try_get_by_index(0).unwrap()
    }

    /// What holds for a connection only and so cannot be asked from outside: without FULL a power cut may lose an
    /// order that was answered, and without foreign keys a line may outlive its order.
    #[tokio::test]
    async fn every_sqlite_connection_is_durable_and_minds_foreign_keys() {
        let folder = tempfile::tempdir().unwrap();
        let options = DatabaseOptions::in_test(&folder.path().join("new/orders.db"));
        let store = Store::connect(&options).await.unwrap();
        for connection in [&store.read, &store.core, &store.reports, &store.write] {
            assert_eq!(pragma(connection, "journal_mode").await, "wal");
            assert_eq!(pragma(connection, "synchronous").await, "2", "FULL is 2");
            assert_eq!(pragma(connection, "foreign_keys").await, "1");
        }
        let write = store.read.execute_unprepared("CREATE TABLE a (b)").await.unwrap_err().to_string();
        assert!(write.contains("readonly"), "{write}");
        store.close().await;
    }

    #[tokio::test]
    async fn what_is_written_after_a_transaction_that_sqlite_ended_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let options = DatabaseOptions::in_test(&folder.path().join("orders.db"));
        let store = Store::connect(&options).await.unwrap();
        store.write.execute_unprepared("CREATE TABLE kept (n integer)").await.unwrap();
        for n in 0..3 {
            // As SQLite does when the disk is full; then one that fails by itself.
            for sql in ["ROLLBACK", "no such statement"] {
                let ended = store.transaction(move |tx| {
                    Box::pin(async move { tx.execute_unprepared(sql).await.map(drop).map_err(StoreError::from) })
                });
                assert!(ended.await.is_err(), "{sql}");
            }
            store.write.execute_unprepared(&format!("INSERT INTO kept VALUES ({n})")).await.unwrap();
            let count = Statement::from_string(DbBackend::Sqlite, "SELECT count(*) FROM kept");
            let row = store.read.query_one_raw(count).await.unwrap().unwrap();
            assert_eq!(row.try_get_by_index::<i64>(0).unwrap(), n + 1, "others see what was written");
        }
        store.close().await;
    }
}
