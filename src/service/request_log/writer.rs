//! The one writer, and how long entries are kept.

use std::collections::HashSet;
use std::time::Duration;

use tokio::time::sleep;
use tracing::warn;

use super::RequestLog;
use super::entry::Answered;
use crate::error::AppError;
use crate::service::tending::keep_short;
use crate::store::{Outage, StoreError};
use crate::telemetry::{self, DroppedEntry};

/// How many entries are written at once.
const BATCH: usize = 500;

/// The longest that an entry waits for others.
const FLUSH_EVERY: Duration = Duration::from_millis(500);

/// How long the writer rests when the database does not take entries.
const REST: Duration = Duration::from_secs(1);

/// Its name for the operator.
const LOG: &str = "requests";

impl RequestLog {
    /// Writes entries and drops old ones, for as long as it is polled.
    pub async fn keep(&self) {
        if self.is_on() {
            // First the partition of the day: what is written before there is one is not dropped as a whole.
            if let Err(error) = self.tend().await {
                warn!(error = telemetry::causes(&error), "the log of requests could not be prepared; trying again");
            }
            tokio::join!(self.keep_writing(), keep_short(LOG, || self.tend()));
        } else if self.0.store.has_request_log() {
            // What was kept when there was one.
            keep_short(LOG, || self.tend()).await;
        }
    }

    async fn keep_writing(&self) {
        let mut outage = Outage::default();
        loop {
            tokio::select! {
                () = self.0.ring.enough() => {}
                () = sleep(FLUSH_EVERY) => {}
            }
            // In a task of its own: one that is given up in the middle would be written again, or not at all.
            let log = self.clone();
            match tokio::spawn(async move { log.flush().await }).await.unwrap_or(Ok(())) {
                Ok(()) => drop(outage.end()),
                Err(error) => {
                    let error = telemetry::causes(&error);
                    if outage.is_news(&error) {
                        warn!(error, "the log of requests could not be written; trying again");
                    }
                    sleep(REST).await;
                }
            }
        }
    }

    /// Writes all that waits. What the database will not take later either is dropped.
    pub async fn flush(&self) -> Result<(), StoreError> {
        let mut batch = self.0.batch.lock().await;
        loop {
            if batch.is_empty() {
                let answered = self.0.ring.take(BATCH);
                if answered.is_empty() {
                    return Ok(());
                }
                *batch = self.entries(answered).await;
            }
            let part = &batch[..batch.len().min(BATCH)];
            let written = part.len();
            match self.0.store.insert_logged_requests(part).await {
                Ok(()) => telemetry::count_written_entries(written),
                Err(error @ (StoreError::Unavailable(_) | StoreError::Unreachable(_))) => return Err(error),
                Err(error) => {
                    warn!(
                        error = telemetry::causes(&error),
                        entries = written,
                        "entries of the log of requests were dropped"
                    );
                    (0..written).for_each(|_| telemetry::count_dropped_entry(DroppedEntry::Refused));
                }
            }
            batch.drain(..written);
            self.0.written.send_replace(());
        }
    }

    async fn entries(&self, answered: Vec<Answered>) -> Vec<crate::domain::request_log::LoggedRequest> {
        let claimed: HashSet<_> = answered.iter().filter_map(Answered::claimed_client).map(str::to_owned).collect();
        // Of a claim that cannot be looked up nothing is kept.
        let known = if claimed.is_empty() {
            HashSet::new()
        } else {
            self.0.store.find_known(claimed).await.unwrap_or_default()
        };
        answered.into_iter().flat_map(|answered| answered.into_entries(|id| known.contains(id))).collect()
    }

    /// Drops a part of what is too old; whether there is more of it.
    async fn tend(&self) -> Result<bool, AppError> {
        let now = self.0.clock.now();
        Ok(self.0.store.tend_request_log(now, now - self.0.retention).await?)
    }
}
