//! The log of requests. On SQLite it is a file of its own beside the database's, so that neither writes in the other's turn.

mod groups;
mod reading;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use sea_orm::sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sea_orm::{
    ConnectOptions, ConnectionTrait as _, Database, DatabaseConnection, DbBackend, Statement, TransactionTrait as _,
};
use serde::Serialize;
use tokio::sync::OnceCell;

use super::connect::{Store, micros};
use super::error::{StoreError, StoreResult};
use super::options::DatabaseOptions;
use super::sqlite_file;
use crate::domain::order::OrderNumber;
use crate::domain::request_log::LoggedRequest;

/// Rows that are deleted at once.
const ROWS: usize = 1000;

/// The columns in the order in which [`row`] gives their values, with their types on PostgreSQL.
const COLUMNS: [(&str, &str); 14] = [
    ("at", "bigint"),
    ("request_id", "text"),
    ("client_id", "text"),
    ("is_proven", "boolean"),
    ("method", "text"),
    ("route", "text"),
    ("status", "integer"),
    ("code", "text"),
    ("hint", "text"),
    ("duration_micros", "bigint"),
    ("order_id", "bigint"),
    ("partner_reference", "text"),
    ("is_replayed", "boolean"),
    ("details", "text"),
];

/// Where the log is, on SQLite.
#[derive(Debug, Clone)]
pub(super) struct LogFile(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    acquire_timeout: std::time::Duration,
    opened: OnceCell<Opened>,
}

#[derive(Debug)]
struct Opened {
    write: DatabaseConnection,
    read: DatabaseConnection,
}

impl LogFile {
    /// Beside the database's file: `orders-requests.db` of `orders.db`. It is opened when it is needed first.
    pub(super) fn beside(options: &DatabaseOptions) -> StoreResult<Option<Self>> {
        if !options.url.starts_with("sqlite:") {
            return Ok(None);
        }
        let path = beside(&sqlite_file::path(&options.url)?);
        let inner = Inner { path, acquire_timeout: options.acquire_timeout, opened: OnceCell::new() };
        Ok(Some(Self(Arc::new(inner))))
    }

    async fn open(&self) -> StoreResult<&Opened> {
        let Inner { path, opened, .. } = &*self.0;
        // In an allocation of its own: it happens once, and would make the future of every reader larger.
        let open = || {
            Box::pin(async {
                sqlite_file::make(path)?;
                let write = self.connect(1, false).await?;
                write.execute_unprepared(&migrations::sqlite_request_log()).await?;
                Ok::<_, StoreError>(Opened { write, read: self.connect(2, true).await? })
            })
        };
        opened.get_or_try_init(open).await
    }

    async fn connect(&self, connections: u32, is_read_only: bool) -> StoreResult<DatabaseConnection> {
        let Inner { path, acquire_timeout, .. } = &*self.0;
        let (path, patience) = (path.clone(), *acquire_timeout);
        // The file's name may hold what a URL would read otherwise.
        let mut connect = ConnectOptions::new("sqlite::memory:");
        connect
            .max_connections(connections)
            .acquire_timeout(patience)
            .idle_timeout(None)
            .max_lifetime(None)
            .test_before_acquire(false)
            .sqlx_logging(false)
            .map_sqlx_sqlite_opts(move |_| {
                let sqlite = SqliteConnectOptions::new().filename(&path).busy_timeout(patience);
                if is_read_only {
                    return sqlite.pragma("query_only", "ON");
                }
                // A power cut may cost the last entries, never the file.
                sqlite.journal_mode(SqliteJournalMode::Wal).synchronous(SqliteSynchronous::Normal)
            });
        Ok(Database::connect(connect).await?)
    }

    pub(super) async fn close(&self) {
        if let Some(Opened { write, read }) = self.0.opened.get() {
            let _ = write.close_by_ref().await;
            let _ = read.close_by_ref().await;
        }
    }
}

/// The file of the log of requests that belongs to a database's file.
pub(super) fn beside(database: &Path) -> PathBuf {
    let mut name = database.file_stem().unwrap_or_default().to_owned();
    name.push("-requests");
    if let Some(extension) = database.extension() {
        name.push(".");
        name.push(extension);
    }
    database.with_file_name(name)
}

impl Store {
    /// Writes entries, all or none; a crash may lose those of the last moment. As JSONB they are parsed once, as JSON once for each column.
    pub async fn insert_logged_requests(&self, entries: &[LoggedRequest]) -> StoreResult<()> {
        let rows = serde_json::to_string(&entries.iter().map(row).collect::<Vec<_>>()).unwrap_or_default();
        self.in_time(async {
            if let Some(file) = &self.log_file {
                let values =
                    (0..COLUMNS.len()).map(|index| format!("value ->> {index}")).collect::<Vec<_>>().join(", ");
                let names = COLUMNS.map(|(name, _)| name).join(", ");
                let sql = format!("INSERT INTO api_requests ({names}) SELECT {values} FROM jsonb_each(?1)");
                let statement = Statement::from_sql_and_values(DbBackend::Sqlite, sql, [rows.into()]);
                file.open().await?.write.execute_raw(statement).await?;
                return Ok(());
            }
            let columns = COLUMNS.iter().enumerate();
            let values =
                columns.map(|(index, (_, of))| format!("(value ->> {index})::{of}")).collect::<Vec<_>>().join(", ");
            let names = COLUMNS.map(|(name, _)| name).join(", ");
            let sql =
                format!("INSERT INTO api_requests ({names}) SELECT {values} FROM jsonb_array_elements($1::jsonb)");
            // Not the transaction of a change: nobody waits for it, and no follower is told of it.
            let tx = self.write().begin().await?;
            tx.execute_unprepared("SET LOCAL synchronous_commit = off").await?;
            tx.execute_raw(Statement::from_sql_and_values(DbBackend::Postgres, sql, [rows.into()])).await?;
            tx.commit().await?;
            Ok(())
        })
        .await
    }

    /// Whether there is a log, be it that none is kept any more.
    #[must_use]
    pub fn has_request_log(&self) -> bool {
        self.log_file.as_ref().is_none_or(|file| file.0.path.exists())
    }

    /// Drops entries from before a time; on PostgreSQL it makes room for those of the next days as well. Gives whether there are more
    /// to be dropped.
    pub async fn tend_request_log(&self, now: DateTime<Utc>, keep_after: DateTime<Utc>) -> StoreResult<bool> {
        let Some(file) = &self.log_file else {
            let sql = "SELECT tend_api_requests($1, $2)";
            let times = [micros(now).into(), micros(keep_after).into()];
            let statement = Statement::from_sql_and_values(DbBackend::Postgres, sql, times);
            self.transaction(move |tx| Box::pin(async move { Ok(tx.execute_raw(statement).await.map(drop)?) })).await?;
            return Ok(false);
        };
        let sql =
            format!("DELETE FROM api_requests WHERE id IN (SELECT id FROM api_requests WHERE at < ?1 LIMIT {ROWS})");
        let statement = Statement::from_sql_and_values(DbBackend::Sqlite, sql, [micros(keep_after).into()]);
        let deleted = file.open().await?.write.execute_raw(statement).await?.rows_affected();
        Ok(deleted == ROWS as u64)
    }

    /// What reads the log.
    async fn request_log(&self) -> StoreResult<&DatabaseConnection> {
        match &self.log_file {
            Some(file) => Ok(&file.open().await?.read),
            None => Ok(&self.reports),
        }
    }
}

/// The values of an entry, in the order of [`COLUMNS`].
fn row(entry: &LoggedRequest) -> impl Serialize {
    (
        micros(entry.at),
        &entry.request_id,
        &entry.client_id,
        entry.is_proven,
        &entry.method,
        &entry.route,
        entry.status,
        &entry.code,
        &entry.hint,
        i64::try_from(entry.duration.as_micros()).unwrap_or(i64::MAX),
        entry.order.map(OrderNumber::id),
        &entry.partner_reference,
        entry.is_replayed,
        serde_json::to_string(&entry.details).unwrap_or_default(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_lies_beside_the_database() {
        for (database, expected) in [
            ("data/orders.db", "data/orders-requests.db"),
            ("orders", "orders-requests"),
            ("/a b/x.y.db", "/a b/x.y-requests.db"),
        ] {
            assert_eq!(beside(Path::new(database)), Path::new(expected));
        }
    }
}
