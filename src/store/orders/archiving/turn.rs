//! That one operator archives at a time.

use std::fs::{File, TryLockError};
use std::path::Path;

use sea_orm::{ConnectionTrait as _, DatabaseTransaction, DbBackend, DbErr, Statement, TransactionTrait as _};

use crate::store::connect::Store;
use crate::store::error::StoreResult;
use crate::store::sqlite_file::OpenFiles;

/// Held for as long as orders are archived. It ends with the process, or with its connection: whoever archives then finds each order where it is.
#[derive(Debug)]
pub struct ArchivingTurn {
    _held: Held,
}

/// A transaction that does nothing else, or the lock of the database's folder.
#[derive(Debug)]
enum Held {
    Postgres { _tx: Box<DatabaseTransaction> },
    Sqlite { _folder: File },
}

/// Any number will do as long as nobody else in the database uses it; this one spells "sales-ar" in ASCII.
const ARCHIVING_LOCK: i64 = 0x7361_6c65_732d_6172;

impl Store {
    /// The turn to archive orders; `None` while somebody else has it.
    pub async fn begin_archiving(&self) -> StoreResult<Option<ArchivingTurn>> {
        let held = match self.files.as_ref().map(OpenFiles::database) {
            Some(file) => lock_folder_of(file)?.map(|folder| Held::Sqlite { _folder: folder }),
            None => self.lock_database().await?.map(|tx| Held::Postgres { _tx: Box::new(tx) }),
        };
        Ok(held.map(|held| ArchivingTurn { _held: held }))
    }

    async fn lock_database(&self) -> StoreResult<Option<DatabaseTransaction>> {
        let tx = self.reports.begin().await?;
        // It stands still while orders are written and removed. Without a snapshot it keeps no dead row.
        tx.execute_unprepared("SET LOCAL idle_in_transaction_session_timeout = 0").await?;
        let sql = format!("SELECT pg_try_advisory_xact_lock({ARCHIVING_LOCK})");
        let row = tx.query_one_raw(Statement::from_string(DbBackend::Postgres, sql)).await?;
        let is_held = row.map(|row| row.try_get_by_index(0)).transpose()?.unwrap_or(false);
        Ok(is_held.then_some(tx))
    }
}

/// SQLite has one machine. Its own files are not locked: closing one would let go of SQLite's locks as well.
fn lock_folder_of(database: &Path) -> StoreResult<Option<File>> {
    let folder = database.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let failed = |error: std::io::Error| DbErr::Custom(format!("cannot lock {}: {error}", folder.display()));
    let file = File::open(folder).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(failed(error).into()),
    }
}
