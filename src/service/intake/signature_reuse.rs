//! Counts signatures of the documented form that come again with another order. That form signs a client and a second, so
//! within a few seconds it is usual and means nothing; later it may be somebody who captured a request. Nothing is refused:
//! the published contract allows it. What is counted is shown to the operator.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use moka::policy::EvictionPolicy;
use moka::sync::Cache;
use sha2::{Digest as _, Sha256};
use tracing::warn;

use crate::domain::client::ClientId;
use crate::store::Store;
use crate::telemetry;

/// For so long after its first use a signature may be that of a client that signs once and sends several orders.
const USUAL: TimeDelta = TimeDelta::seconds(5);

/// How often at most a client's count is written and logged.
const NOTED_EVERY: TimeDelta = TimeDelta::minutes(1);

/// The signatures of ten minutes of a hundred and fifty busy clients, in about 10 MB. Beyond it the oldest are forgotten, and
/// a reuse of theirs is not counted.
const REMEMBERED: u64 = 100_000;

/// What is known of signatures in use. Cloning shares it.
#[derive(Clone)]
pub struct SignatureReuse {
    store: Store,
    first_uses: Cache<[u8; 32], FirstUse>,
    /// Only of clients whose signatures were used again.
    tallies: Arc<Mutex<HashMap<ClientId, Tally>>>,
}

#[derive(Clone, Copy)]
struct FirstUse {
    at: DateTime<Utc>,
}

/// What of a client is not written yet.
struct Tally {
    count: i64,
    last: DateTime<Utc>,
    noted_at: Option<DateTime<Utc>>,
}

impl Tally {
    fn is_due(&self, now: DateTime<Utc>) -> bool {
        self.count > 0 && self.noted_at.is_none_or(|noted| now - noted >= NOTED_EVERY)
    }
}

impl SignatureReuse {
    /// Nothing is known yet. A signature is remembered for as long as it is fresh: `tolerance` both ways.
    pub fn new(store: &Store, tolerance: Duration) -> Self {
        let first_uses = Cache::builder()
            .max_capacity(REMEMBERED)
            .eviction_policy(EvictionPolicy::lru())
            .time_to_live(tolerance.saturating_mul(2).max(Duration::from_secs(1)))
            .build();
        Self { store: store.clone(), first_uses, tallies: Arc::default() }
    }

    /// Notes that an order came with a signature over this text; `is_replay` when it was that very order again. Nobody waits
    /// for what is written.
    pub fn note(&self, client_id: &ClientId, text: &str, is_replay: bool, now: DateTime<Utc>) {
        // The text names the client, and a signature by another key of the client is no other use of it.
        let entry = self.first_uses.entry(Sha256::digest(text).into()).or_insert(FirstUse { at: now });
        if entry.is_fresh() || is_replay || now - entry.into_value().at <= USUAL {
            return;
        }
        telemetry::count_signature_reuse();
        let mut tallies = self.tallies();
        let tally = tallies.entry(client_id.clone()).or_insert(Tally { count: 0, last: now, noted_at: None });
        tally.count += 1;
        tally.last = now;
        let is_due = tally.is_due(now);
        drop(tallies);
        if is_due {
            let (reuse, client_id) = (self.clone(), client_id.clone());
            tokio::spawn(async move { reuse.write(&client_id, now).await });
        }
    }

    /// Writes what is due of every client.
    pub async fn write_all(&self, now: DateTime<Utc>) {
        let due: Vec<_> = self
            .tallies()
            .iter()
            .filter(|(_, tally)| tally.is_due(now))
            .map(|(client_id, _)| client_id.clone())
            .collect();
        for client_id in due {
            self.write(&client_id, now).await;
        }
    }

    async fn write(&self, client_id: &ClientId, now: DateTime<Utc>) {
        let taken = self.tallies().get_mut(client_id).filter(|tally| tally.is_due(now)).map(|tally| {
            tally.noted_at = Some(now);
            (std::mem::take(&mut tally.count), tally.last)
        });
        let Some((count, last)) = taken else { return };
        warn!(
            %client_id,
            count,
            "signatures came again with other orders more than 5 s after their first use: ask the client whether it sent \
             them, and to sign the body (docs/operations.md)"
        );
        if let Err(error) = self.store.add_signature_reuses(client_id, count, last).await {
            warn!(%client_id, %error, "reused signatures could not be noted; they are with the next ones");
            if let Some(tally) = self.tallies().get_mut(client_id) {
                tally.count += count;
            }
        }
    }

    fn tallies(&self) -> MutexGuard<'_, HashMap<ClientId, Tally>> {
        // A count is whole after each step, so a panic elsewhere leaves nothing half done.
        self.tallies.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
