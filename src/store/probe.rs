//! Whether an order could be stored: it is tried, without one.

use sea_orm::{ConnectionTrait as _, DbBackend};

use super::connect::Store;
use super::error::StoreResult;
use super::{events, orders};

/// Written, but to no table: a record of the log that waits for the disk and for a standby as an order does, and leaves
/// nothing behind.
const POSTGRES: &str = "SELECT pg_logical_emit_message(true, 'sales-order-api', 'probe')";

/// Writes the file's first page, and does not change it: nobody uses this number.
const SQLITE: &str = "PRAGMA user_version = 0";

impl Store {
    /// Fails where an order could not be stored now: with the statement that stores them, given none, so that the same
    /// tables, privileges and locks are asked for, and with a commit that writes.
    pub async fn probe(&self) -> StoreResult<()> {
        self.transaction_of_orders(|tx| {
            Box::pin(async move {
                orders::insert_none(tx).await?;
                events::lock(tx).await?;
                let write = if tx.get_database_backend() == DbBackend::Postgres { POSTGRES } else { SQLITE };
                tx.execute_unprepared(write).await?;
                Ok(())
            })
        })
        .await
    }
}
