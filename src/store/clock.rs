//! What time it is by the database's clock.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sea_orm::DbBackend;
use sea_orm::sqlx::{self, Row as _};
use tokio::time::Instant;

use super::connect::{Store, instant};
use super::error::{StoreResult, from_sqlx};
use crate::clock::Clock;

/// The database's clock, and ours around the moment when it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockReading {
    /// What it showed.
    pub theirs: DateTime<Utc>,
    /// Ours when it was asked.
    pub before: DateTime<Utc>,
    /// Ours when the answer was there.
    pub after: DateTime<Utc>,
    /// How long that took, by a clock that nobody sets.
    pub round_trip: Duration,
}

impl Store {
    /// Now in microseconds by the database's clock, as SQL.
    pub(super) fn now_sql(&self) -> &'static str {
        match self.backend() {
            DbBackend::Postgres => "CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS bigint)",
            _ => "CAST(unixepoch('now', 'subsec') * 1000000 AS integer)",
        }
    }

    /// Reads the database's clock; `None` on SQLite, which has none but this machine's.
    pub async fn read_clock(&self, clock: &Clock) -> StoreResult<Option<ClockReading>> {
        if self.backend() == DbBackend::Sqlite {
            return Ok(None);
        }
        // Waiting for a connection is no part of the round trip. Nor is preparing a statement: this one is not prepared.
        let mut connection = self.core.get_postgres_connection_pool().acquire().await.map_err(from_sqlx)?;
        let read = sqlx::raw_sql("SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS bigint)");
        let (before, began) = (clock.now(), Instant::now());
        let row = read.fetch_one(&mut *connection).await.map_err(from_sqlx)?;
        let (after, round_trip) = (clock.now(), began.elapsed());
        let theirs = instant(row.try_get(0).map_err(from_sqlx)?)?;
        Ok(Some(ClockReading { theirs, before, after, round_trip }))
    }
}
