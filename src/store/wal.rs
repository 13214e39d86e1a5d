//! SQLite's write-ahead log: kept small, whoever reads for how long.
//!
//! The writer moves the log into the database after every 16 MiB. It cannot while somebody reads an older state, and once
//! it can, it does so at its next commit, which may be tomorrow's.

use std::time::Duration;

use sea_orm::sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode};
use sea_orm::sqlx::{self, ConnectOptions as _, Connection as _, Row as _};

use super::connect::Store;
use super::error::{StoreResult, from_sqlx};

/// The size of the log beyond which it is emptied, and to which SQLite itself cuts it when it begins anew.
pub(super) const LOG_LIMIT: u64 = 64 << 20;

/// How long emptying waits for readers. Orders wait meanwhile.
const PATIENCE: Duration = Duration::from_millis(50);

impl Store {
    /// Empties SQLite's log if it is large and nobody reads an older state; gives its size in bytes, `None` on PostgreSQL.
    /// No error where it cannot be emptied now: the next time will do.
    pub async fn tend_log(&self) -> StoreResult<Option<u64>> {
        let Some(files) = &self.files else { return Ok(None) };
        // The file was replaced by another one, of which nothing is known.
        if files.log_bytes() > LOG_LIMIT && files.ensure_same().is_ok() {
            let options = SqliteConnectOptions::new()
                .filename(files.database())
                .journal_mode(SqliteJournalMode::Wal)
                .busy_timeout(PATIENCE);
            // A connection of its own: the writer takes orders while the log is moved.
            let mut connection = options.connect().await.map_err(from_sqlx)?;
            let emptied = empty(&mut connection).await;
            let closed = connection.close().await;
            emptied.and(closed).map_err(from_sqlx)?;
        }
        // A checkpoint lets the file grow, and how large it was must be known when it is written over.
        files.ensure_same()?;
        Ok(Some(files.log_bytes()))
    }
}

async fn empty(connection: &mut sqlx::SqliteConnection) -> Result<(), sqlx::Error> {
    // First what hinders no writer; cutting the log off then takes no time.
    let row = sqlx::query("PRAGMA wal_checkpoint(PASSIVE)").fetch_one(&mut *connection).await?;
    let (pages, moved): (i64, i64) = (row.try_get(1)?, row.try_get(2)?);
    if pages == moved {
        sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").fetch_one(connection).await?;
    }
    Ok(())
}
