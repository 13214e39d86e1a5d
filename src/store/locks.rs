//! Locks of what rows cannot lock: that there are no more than so many of them, or only one.

use sea_orm::{ConnectionTrait as _, DatabaseTransaction, DbBackend, Statement};

use super::error::StoreResult;

/// Waits for whoever holds this lock, and holds it until the transaction ends: two instances that count at once would both find room for
/// the last one. `kind` tells what is counted and `of` of whom. SQLite has one writer.
pub(super) async fn hold(tx: &DatabaseTransaction, kind: i32, of: &str) -> StoreResult<()> {
    if tx.get_database_backend() == DbBackend::Postgres {
        let sql = format!("SELECT pg_advisory_xact_lock({kind}, hashtext($1))");
        tx.execute_raw(Statement::from_sql_and_values(DbBackend::Postgres, sql, [of.into()])).await?;
    }
    Ok(())
}
