//! A wake-up for those who follow the feed. It may come too often and, when a connection broke, not at all; what is
//! true is in the table, and whoever waits looks there from time to time anyway.

use std::time::Duration;

use sea_orm::DbBackend;
use sea_orm::sqlx::postgres::PgListener;
use tokio::sync::watch;

use super::connect::Store;
use super::error::StoreResult;

/// Where PostgreSQL tells every instance that events were appended.
pub(super) const CHANNEL: &str = "sales_order_events";

/// Tells that events may have been appended.
pub enum EventSignal {
    /// By this process. Of others on the same SQLite file nobody tells.
    Local(watch::Receiver<()>),
    /// By any instance on the same PostgreSQL database.
    Postgres(Box<PgListener>),
}

impl Store {
    /// A signal of its own for one follower. On PostgreSQL it holds a connection.
    pub async fn event_signal(&self) -> StoreResult<EventSignal> {
        if self.backend() == DbBackend::Sqlite {
            return Ok(EventSignal::Local(self.appended.subscribe()));
        }
        let pool = self.read.get_postgres_connection_pool();
        let mut listener = PgListener::connect_with(pool).await.map_err(super::error::from_sqlx)?;
        listener.listen(CHANNEL).await.map_err(super::error::from_sqlx)?;
        Ok(EventSignal::Postgres(Box::new(listener)))
    }
}

impl EventSignal {
    /// Resolves when events may have been appended since the last call, at the latest after `at_most`.
    pub async fn wait(&mut self, at_most: Duration) -> StoreResult<()> {
        match self {
            Self::Local(appended) => {
                // The sender lives as long as the store; time out or not, the caller looks.
                let _ = tokio::time::timeout(at_most, appended.changed()).await;
            }
            Self::Postgres(listener) => {
                if let Ok(received) = tokio::time::timeout(at_most, listener.try_recv()).await {
                    // `None` tells that the connection broke: what was said meanwhile is lost, so the caller looks.
                    received.map_err(super::error::from_sqlx)?;
                    while listener.next_buffered().is_some() {}
                }
            }
        }
        Ok(())
    }
}
