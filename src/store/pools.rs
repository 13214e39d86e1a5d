//! The connections to the database: pools for each kind of work.

use std::future::ready;

use futures_util::FutureExt as _;
use futures_util::future::join_all;
use sea_orm::sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous};
use sea_orm::{ConnectOptions, ConnectionTrait as _, Database, DatabaseConnection, DbBackend};

use super::connect::Store;
use super::error::StoreResult;
use super::liveness::Liveness;
use super::options::DatabaseOptions;
use super::sqlite_file::{self, OpenFiles};
use super::{postgres, probe, report, wal};

/// One pool for each kind of work; some share one.
pub(super) struct Pools {
    pub read: DatabaseConnection,
    pub core: DatabaseConnection,
    pub reports: DatabaseConnection,
    pub reports_at_once: usize,
    pub write: DatabaseConnection,
    /// Each of them once, by the name it has in the metrics.
    pub named: Vec<(&'static str, DatabaseConnection)>,
    /// What is known of the connections of PostgreSQL.
    pub liveness: Liveness,
    /// On SQLite.
    pub files: Option<OpenFiles>,
}

/// Pages have so many connections at least.
const FEWEST_READERS: u32 = 3;

/// With fewer connections than this there is one pool for everything.
pub(super) const FEWEST_SHARED_OUT: u32 = 6;

impl Pools {
    pub(super) async fn connect(options: &DatabaseOptions) -> StoreResult<Self> {
        if options.url.starts_with("sqlite:") { Self::sqlite(options).await } else { postgres::connect(options).await }
    }

    async fn sqlite(options: &DatabaseOptions) -> StoreResult<Self> {
        let path = sqlite_file::path(&options.url)?;
        sqlite_file::make(&path)?;
        // One writer, so that writers in this process queue in memory instead of meeting SQLITE_BUSY. It opens first,
        // because only a writer can put a new file into WAL mode.
        let mut writer = sqlite(options, 1, false);
        probe::wait_shortly(&mut writer, options.acquire_timeout);
        let write = Database::connect(writer).await?;
        // Reading opens the log and its index.
        write.execute_unprepared("SELECT count(*) FROM sqlite_master").await?;
        let files = Some(OpenFiles::note(&path)?);
        let Shares { core, reports, read } = Shares::of(options);
        let mut of_reports = sqlite(options, reports, true);
        report::limit_sqlite(&mut of_reports, options.statement_timeout);
        let read = Database::connect(sqlite(options, read, true)).await?;
        let core = Database::connect(sqlite(options, core, true)).await?;
        let of_reports = Database::connect(of_reports).await?;
        let named = [("core", &core), ("read", &read), ("reports", &of_reports), ("write", &write)];
        Ok(Self {
            named: named.map(|(name, pool)| (name, pool.clone())).into(),
            read,
            core,
            reports: of_reports,
            reports_at_once: reports as usize,
            write,
            liveness: Liveness::default(),
            files,
        })
    }
}

/// How many connections one pool has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolState {
    /// Which pool.
    pub name: &'static str,
    /// The most it may have.
    pub max: u32,
    /// Open ones that nobody uses.
    pub idle: u32,
    /// Open ones that somebody uses.
    pub used: u32,
}

impl Store {
    /// Closes every connection, after the statements under way.
    pub async fn close(&self) {
        // Side by side: one that is stuck keeps none of the others open. A connection that is gone already is closed.
        join_all(self.named.iter().map(|(_, connection)| connection.close_by_ref())).await;
        if let Some(log) = &self.log_file {
            log.close().await;
        }
    }

    /// How many connections each pool has now.
    pub fn pools(&self) -> impl Iterator<Item = PoolState> {
        let is_sqlite = self.backend() == DbBackend::Sqlite;
        self.named.iter().map(move |(name, connection)| {
            let (max, open, idle) = if is_sqlite {
                let pool = connection.get_sqlite_connection_pool();
                (pool.options().get_max_connections(), pool.size(), pool.num_idle())
            } else {
                let pool = connection.get_postgres_connection_pool();
                (pool.options().get_max_connections(), pool.size(), pool.num_idle())
            };
            let idle = u32::try_from(idle).unwrap_or(u32::MAX).min(open);
            PoolState { name, max, idle, used: open - idle }
        })
    }
}

/// How many connections each kind of work has.
pub(super) struct Shares {
    pub core: u32,
    pub reports: u32,
    pub read: u32,
}

impl Shares {
    pub(super) fn of(options: &DatabaseOptions) -> Self {
        let all = options.max_connections;
        let core = (all * 3 / 8).max(1);
        let reports = options.report_connections.min(all.saturating_sub(core + FEWEST_READERS)).max(1);
        Self { core, reports, read: all.saturating_sub(core + reports).max(1) }
    }
}

fn sqlite(options: &DatabaseOptions, connections: u32, read_only: bool) -> ConnectOptions {
    let busy_timeout = options.acquire_timeout;
    let mut connect = ConnectOptions::new(&options.url);
    connect
        .max_connections(connections)
        .min_connections(1)
        .acquire_timeout(options.acquire_timeout)
        .connect_timeout(options.acquire_timeout)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        .sqlx_logging(false)
        .map_sqlx_sqlite_before_acquire(|connection, _| ready(Ok(sqlite_file::is_usable(connection))).boxed())
        .map_sqlx_sqlite_opts(move |sqlite| {
            let sqlite = sqlite
                .create_if_missing(!read_only)
                .foreign_keys(true)
                .busy_timeout(busy_timeout)
                // FULL: an answered order survives a power cut, not only a crash of the process.
                .synchronous(SqliteSynchronous::Full);
            if read_only {
                return sqlite.pragma("query_only", "ON");
            }
            sqlite
                .journal_mode(SqliteJournalMode::Wal)
                // 16 MiB of log before it is written into the database: pages that change often are written less often.
                .pragma("wal_autocheckpoint", "4000")
                // What a long reader let grow is cut off when the log begins anew.
                .pragma("journal_size_limit", wal::LOG_LIMIT.to_string())
        });
    connect
}

#[cfg(test)]
mod tests {

    use super::*;

    #[test]
    fn every_kind_of_work_has_connections_and_pages_have_three_wherever_there_are_so_many() {
        for (all, reports, expected) in
            [(16, 3, [6, 3, 7]), (16, 12, [6, 7, 3]), (6, 3, [2, 1, 3]), (8, 3, [3, 2, 3]), (2, 3, [1, 1, 1])]
        {
            let options = DatabaseOptions {
                max_connections: all,
                report_connections: reports,
                ..DatabaseOptions::in_test("orders.db".as_ref())
            };
            let Shares { core, reports, read } = Shares::of(&options);
            assert_eq!([core, reports, read], expected, "{all}");
        }
    }
}
