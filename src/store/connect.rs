//! Connecting, migrating, and the two ways into the database: reading and writing.

use std::collections::HashSet;
use std::fs::{DirBuilder, OpenOptions};
use std::future::Future;
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::pin::Pin;
use std::time::Duration;

use chrono::{DateTime, Utc};
use migrations::{Migrator, MigratorTrait, SchemaManager, seaql_migrations};
use sea_orm::sqlx::postgres::PgConnectOptions;
use sea_orm::sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous};
use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, EntityTrait,
    SqliteTransactionMode, TransactionOptions, TransactionTrait,
};
use tokio::sync::watch;

use super::error::{StoreError, StoreResult};

/// How to reach the database.
#[derive(Debug, Clone)]
pub struct DatabaseOptions {
    /// `sqlite://path` or `postgres://…`.
    pub url: String,
    /// How many connections (on SQLite: readers) one instance may hold.
    pub max_connections: u32,
    /// How long a query waits for a free connection, and on SQLite for another process' write.
    pub acquire_timeout: Duration,
    /// Called once for every statement, in the task that runs it.
    pub on_statement: fn(),
}

/// The database. Cloning shares its connections.
#[derive(Debug, Clone)]
pub struct Store {
    pub(super) read: DatabaseConnection,
    write: DatabaseConnection,
    /// Told after each commit of this process; on PostgreSQL the database itself tells every instance.
    pub(super) appended: watch::Sender<()>,
}

/// One migration and whether it is in force.
#[derive(Debug, Clone)]
pub struct MigrationState {
    /// Its file's name.
    pub name: String,
    /// Whether the database has it.
    pub applied: bool,
}

type Boxed<'a, T> = Pin<Box<dyn Future<Output = StoreResult<T>> + Send + 'a>>;

impl Store {
    /// Connects. On SQLite the file and its folder are made when they are not there.
    pub async fn connect(options: &DatabaseOptions) -> StoreResult<Self> {
        let (mut read, mut write) = if options.url.starts_with("sqlite:") {
            make_file(&options.url)?;
            // One writer, so that writers in this process queue in memory instead of meeting SQLITE_BUSY. It opens
            // first, because only a writer can put a new file into WAL mode.
            let write = Database::connect(sqlite(options, 1, false)).await?;
            let read = Database::connect(sqlite(options, options.max_connections, true)).await?;
            (read, write)
        } else {
            // Before SeaORM does, whose complaint quotes the address with its password.
            if let Err(error) = options.url.parse::<PgConnectOptions>() {
                return Err(StoreError::Address(error.to_string()));
            }
            let lock_timeout = options.acquire_timeout;
            let mut connect = ConnectOptions::new(&options.url);
            connect
                .max_connections(options.max_connections)
                .acquire_timeout(options.acquire_timeout)
                .connect_timeout(options.acquire_timeout)
                .set_application_name("sales-order-api")
                .sqlx_logging(false)
                // Who waits for another's lock is answered in time, as on SQLite.
                .map_sqlx_postgres_opts(move |postgres| {
                    postgres.options([
                        ("lock_timeout", format!("{}ms", lock_timeout.as_millis())),
                        // Compiling a summary takes longer than running it.
                        ("jit", "off".to_owned()),
                        // Three months of orders are sorted in memory.
                        ("work_mem", "16MB".to_owned()),
                    ])
                });
            let both = Database::connect(connect).await?;
            (both.clone(), both)
        };
        let on_statement = options.on_statement;
        read.set_metric_callback(move |_| on_statement());
        write.set_metric_callback(move |_| on_statement());
        Ok(Self { read, write, appended: watch::Sender::new(()) })
    }

    /// How many transactions may run side by side. On PostgreSQL one writes its rows while another commits; SQLite has one
    /// writer.
    #[must_use]
    pub fn writers(&self) -> usize {
        if self.backend() == DbBackend::Sqlite { 1 } else { 2 }
    }

    /// Answers once both ways into the database work.
    pub async fn ping(&self) -> StoreResult<()> {
        self.read.ping().await?;
        if self.backend() == DbBackend::Sqlite { Ok(self.write.ping().await?) } else { Ok(()) }
    }

    /// Closes every connection, after the statements under way.
    pub async fn close(&self) {
        // A connection that is gone already is closed.
        let _ = self.write.close_by_ref().await;
        let _ = self.read.close_by_ref().await;
    }

    /// Applies the pending migrations, all or none, and gives their names. Instances that start together wait for
    /// each other: on PostgreSQL behind an advisory lock, on SQLite behind its write lock.
    pub async fn migrate_up(&self) -> StoreResult<Vec<String>> {
        if self.migrations().await?.iter().all(|migration| migration.applied) {
            return Ok(Vec::new());
        }
        self.transaction(|tx| {
            Box::pin(async move {
                lock_migrations(tx).await?;
                let pending = Migrator::get_pending_migrations(tx).await?;
                Migrator::up(tx, None).await?;
                Ok(pending.iter().map(|migration| migration.name().to_owned()).collect())
            })
        })
        .await
    }

    /// Takes back the last `steps` migrations and gives their names. Their tables' rows are gone with them.
    pub async fn migrate_down(&self, steps: u32) -> StoreResult<Vec<String>> {
        self.transaction(move |tx| {
            Box::pin(async move {
                lock_migrations(tx).await?;
                let mut applied = Migrator::get_applied_migrations(tx).await?;
                applied.reverse();
                applied.truncate(steps as usize);
                Migrator::down(tx, Some(steps)).await?;
                Ok(applied.iter().map(|migration| migration.name().to_owned()).collect())
            })
        })
        .await
    }

    /// Every migration and whether the database has it. Changes nothing.
    pub async fn migrations(&self) -> StoreResult<Vec<MigrationState>> {
        let applied = applied_migrations(&self.read).await?;
        let state = |name: String| MigrationState { applied: applied.contains(&name), name };
        Ok(Migrator::migrations().iter().map(|migration| state(migration.name().to_owned())).collect())
    }

    pub(super) const fn write(&self) -> &DatabaseConnection {
        &self.write
    }

    pub(super) fn backend(&self) -> DbBackend {
        self.write.get_database_backend()
    }

    /// Runs `work` in one writing transaction: committed when it gives `Ok`, rolled back otherwise.
    pub(super) async fn transaction<T, F>(&self, work: F) -> StoreResult<T>
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
        let tx = self.write.begin_with_options(options).await?;
        let outcome = work(&tx).await?;
        tx.commit().await?;
        self.note_appended();
        Ok(outcome)
    }

    /// Wakes the followers of this instance.
    pub(super) fn note_appended(&self) {
        self.appended.send_replace(());
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
        });
    connect
}

/// Makes the database file, readable by its owner only: it holds addresses and the hashes of secrets. SQLite gives the
/// files it adds the same mode. What is there already keeps its mode.
fn make_file(url: &str) -> StoreResult<()> {
    let path = url.trim_start_matches("sqlite:").trim_start_matches("//");
    let path = Path::new(path.split('?').next().unwrap_or_default());
    let failed = |error: io::Error| DbErr::Custom(format!("cannot make {}: {error}", path.display()));
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
    }
    OpenOptions::new().append(true).create(true).mode(0o600).open(path).map_err(failed)?;
    Ok(())
}

/// Any number will do as long as nobody else in the database uses it; this one spells "sales-or" in ASCII.
const MIGRATION_LOCK: i64 = 0x7361_6c65_732d_6f72;

async fn lock_migrations(tx: &DatabaseTransaction) -> Result<(), DbErr> {
    if tx.get_database_backend() == DbBackend::Postgres {
        // However long the other instance takes.
        tx.execute_unprepared("SET LOCAL lock_timeout = 0").await?;
        tx.execute_unprepared(&format!("SELECT pg_advisory_xact_lock({MIGRATION_LOCK})")).await?;
    }
    Ok(())
}

/// The names of the migrations the database has, also of ones this version does not know: a newer instance may have
/// applied them, and this one goes on beside it.
async fn applied_migrations(connection: &DatabaseConnection) -> StoreResult<HashSet<String>> {
    if !SchemaManager::new(connection).has_table("seaql_migrations").await? {
        return Ok(HashSet::new());
    }
    let rows = seaql_migrations::Entity::find().all(connection).await?;
    Ok(rows.into_iter().map(|row| row.version).collect())
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
        let options = DatabaseOptions {
            url: format!("sqlite://{}", folder.path().join("new/orders.db").display()),
            max_connections: 2,
            acquire_timeout: Duration::from_secs(5),
            on_statement: || {},
        };
        let store = Store::connect(&options).await.unwrap();
        for connection in [&store.read, &store.write] {
            assert_eq!(pragma(connection, "journal_mode").await, "wal");
            assert_eq!(pragma(connection, "synchronous").await, "2", "FULL is 2");
            assert_eq!(pragma(connection, "foreign_keys").await, "1");
        }
        let write = store.read.execute_unprepared("CREATE TABLE a (b)").await.unwrap_err().to_string();
        assert!(write.contains("readonly"), "{write}");
        store.close().await;
    }
}
