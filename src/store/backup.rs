//! Backups of a SQLite database: a copy as of one moment, made while others write, and what is looked at before it counts.
//!
//! `VACUUM INTO` reads in one transaction, which keeps no writer waiting. SQLite's other way, the backup API, begins anew with
//! each commit of another process, and would never end beside a busy service.

use std::path::{Path, PathBuf};
use std::time::Duration;

use migrations::{Migrator, MigratorTrait as _};
use sea_orm::sqlx::sqlite::SqliteConnectOptions;
use sea_orm::{ConnectOptions, ConnectionTrait as _, Database, DatabaseConnection, DbBackend, Statement};

use super::error::{StoreError, StoreResult};
use super::{migrating, request_log, restore, sqlite_file, totals};
use crate::domain::event::Position;

/// How long a lock is waited for, such as that of whoever reads the log of a service that was killed.
const PATIENCE: Duration = Duration::from_secs(30);

/// So many damages are named.
const DAMAGES: usize = 10;

/// The database that is copied.
#[derive(Debug)]
pub struct Original {
    path: PathBuf,
    connection: DatabaseConnection,
}

/// What a copy has in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    /// Orders.
    pub orders: u64,
    /// The last position that was given to an event.
    pub last_position: Position,
    /// Migrations that it lacks: it is of an older version.
    pub pending_migrations: usize,
    /// What contradicts itself in it, as it does in the original.
    pub contradictions: Vec<String>,
}

impl Original {
    /// Opens the database without changing it. Neither a file nor a migration is made.
    pub async fn open(url: &str) -> StoreResult<Self> {
        let path = sqlite_file::path(url)?;
        if !path.exists() {
            return Err(StoreError::File(format!("there is no file {}", path.display())));
        }
        let connection = open(&path, false).await?;
        Ok(Self { path, connection })
    }

    /// Its file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Every file that is or may be in use with it.
    #[must_use]
    pub fn files(&self) -> Vec<PathBuf> {
        let databases = [self.path.clone(), request_log::beside(&self.path)];
        let named = databases.iter().flat_map(|path| ["", "-wal", "-shm", "-journal"].map(|end| (path, end)));
        named.map(|(path, end)| sqlite_file::with_suffix(path, end)).collect()
    }

    /// How large a copy becomes at most, in bytes.
    pub async fn bytes(&self) -> StoreResult<u64> {
        let pages = "SELECT (page_count - freelist_count) * page_size
                     FROM pragma_page_count, pragma_freelist_count, pragma_page_size";
        number(&self.connection, pages).await
    }

    /// Fails where it is none that this version can tell a whole copy of: without tables of this service, or of a newer version.
    pub async fn ensure_known(&self) -> StoreResult<()> {
        let named = self.path.display();
        let applied = migrating::applied_migrations(&self.connection).await?;
        let unknown = migrating::unknown(&applied);
        if applied.len() == unknown.len() {
            return Err(StoreError::File(format!("{named} has no tables of this service")));
        }
        match unknown.last() {
            None => Ok(()),
            Some(newest) => Err(StoreError::File(format!(
                "{named} has migrations that this version does not know, up to {newest}; use the newer version's program"
            ))),
        }
    }

    /// Copies everything that is committed into a file, which must be empty or not there. Others write meanwhile; the log
    /// grows by what they write until the end.
    pub async fn copy_to(&self, target: &str) -> StoreResult<()> {
        let copy = Statement::from_sql_and_values(DbBackend::Sqlite, "VACUUM INTO ?1", [target.into()]);
        self.connection.execute_raw(copy).await?;
        Ok(())
    }
}

/// Reads all of a copy: fails where it is damaged, and tells what is in it.
pub async fn read_copy(path: &Path) -> StoreResult<Copied> {
    // Nobody else has it, so neither a lock nor a file beside it is needed.
    let copy = open(path, true).await?;
    let read = read(&copy).await;
    copy.close().await?;
    read
}

async fn read(copy: &DatabaseConnection) -> StoreResult<Copied> {
    // More than quick_check does: every row must be in every index too, for pages of an index are copied as they are.
    let said = texts(copy, &format!("PRAGMA integrity_check({DAMAGES})")).await?;
    let damages: Vec<_> = said.into_iter().filter(|said| said != "ok").collect();
    if !damages.is_empty() {
        return Err(StoreError::File(damages.join("; ")));
    }
    let applied = migrating::applied_migrations(copy).await?;
    let pending = Migrator::migrations().iter().filter(|migration| !applied.contains(migration.name())).count();
    let mut contradictions = Vec::new();
    let strays =
        "SELECT \"table\" || ' (' || count(*) || ')' FROM pragma_foreign_key_check GROUP BY \"table\" ORDER BY 1";
    let strays = texts(copy, strays).await?;
    if !strays.is_empty() {
        contradictions.push(format!("rows that belong to no other any more: {}", strays.join(", ")));
    }
    // Totals are kept in another way by each version that changed them.
    if pending == 0 {
        let wrong = totals::find_wrong(copy).await?.len();
        if wrong > 0 {
            contradictions
                .push(format!("{wrong} of the totals differ from the orders; run `sales-order-api totals rebuild`"));
        }
    }
    Ok(Copied {
        orders: number(copy, "SELECT count(*) FROM sales_orders").await?,
        last_position: restore::last_given_position(copy).await?,
        pending_migrations: pending,
        contradictions,
    })
}

/// One connection that only reads. It has no limit of time.
async fn open(path: &Path, is_alone: bool) -> StoreResult<DatabaseConnection> {
    let path = path.to_owned();
    // The file's name may hold what a URL would read otherwise.
    let mut connect = ConnectOptions::new("sqlite::memory:");
    connect
        .max_connections(1)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        .sqlx_logging(false)
        .map_sqlx_sqlite_opts(move |_| {
            let sqlite = SqliteConnectOptions::new().filename(&path).busy_timeout(PATIENCE);
            sqlite.read_only(true).immutable(is_alone)
        });
    Ok(Database::connect(connect).await?)
}

async fn number(connection: &DatabaseConnection, sql: &str) -> StoreResult<u64> {
    let row = connection.query_one_raw(Statement::from_string(DbBackend::Sqlite, sql)).await?;
    let number = row.map(|row| row.try_get_by_index::<i64>(0)).transpose()?;
    Ok(number.unwrap_or_default().unsigned_abs())
}

async fn texts(connection: &DatabaseConnection, sql: &str) -> StoreResult<Vec<String>> {
    let rows = connection.query_all_raw(Statement::from_string(DbBackend::Sqlite, sql)).await?;
    Ok(rows.iter().map(|row| row.try_get_by_index(0)).collect::<Result<_, _>>()?)
}
