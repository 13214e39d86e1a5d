//! How long events are kept.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tracing::{info, warn};

use super::Events;
use crate::domain::event::Position;
use crate::error::{AppError, ErrorCode};
use crate::service::tending::keep_short;
use crate::store::ExpiredPart;
use crate::telemetry;

/// How often a reader without a cursor begins again, where events expire at that moment.
const BEGINNINGS: usize = 3;

impl Events {
    /// Removes events that are older than this and that everybody has read, for as long as it is polled; zero keeps all of them.
    pub async fn keep_short(&self, retention: Duration) {
        if retention.is_zero() {
            return;
        }
        let known = Mutex::new(HashSet::new());
        keep_short("events", async || {
            let part = self.store.expire_events(self.clock.now() - retention).await?;
            note(&part, &mut known.lock().unwrap_or_else(PoisonError::into_inner));
            Ok(part.has_more)
        })
        .await;
    }

    /// Reads the feed from the beginning of what is left of it.
    pub(super) async fn read_from_beginning<T, F, E>(&self, read: impl Fn(Position) -> F) -> Result<T, AppError>
    where
        F: Future<Output = Result<T, E>>,
        AppError: From<E>,
    {
        let mut tries = 1;
        loop {
            match read(self.store.find_horizon().await?).await.map_err(AppError::from) {
                Err(error) if error.code == ErrorCode::CursorExpired && tries < BEGINNINGS => tries += 1,
                outcome => return outcome,
            }
        }
    }
}

/// Counts what was removed, and tells the operator once of each reader who keeps old events from being removed.
fn note(part: &ExpiredPart, known: &mut HashSet<String>) {
    let ExpiredPart { events, held_by, .. } = part;
    telemetry::note_expired_events(*events);
    if *events > 0 {
        info!(events, "events have expired");
    }
    if let Some(reader) = held_by
        && known.insert(reader.name.clone())
    {
        warn!(
            reader = reader.name,
            "old events are kept for a reader that has not read them; delete it if it is not used any more"
        );
    }
}
