//! The log of requests: what was asked, by whom, and what was answered, for partners and operators to read for some days.
//!
//! No request waits for its entry. Entries lie in memory until one writer writes them in batches; what finds no room there is dropped and
//! counted (`api_request_log_dropped_total`). What nobody proved to have sent has a small share of the room and of the log, so that a
//! stranger fills neither. Nothing is kept as it came: `entry` says what becomes of a text.

mod entry;
mod follow;
mod reading;
mod ring;
mod share;
mod writer;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, watch};

pub use self::entry::{Answered, explanation};
pub use self::reading::RequestLogPage;
use self::ring::Ring;
use self::share::Share;
use super::sealing::Sealing;
use super::slots::Slots;
use crate::clock::Clock;
use crate::domain::client::ClientId;
use crate::domain::request_log::LoggedRequest;
use crate::store::Store;
use crate::telemetry::{self, DroppedEntry};

/// How many times a client may follow the log at once.
const FOLLOWERS: usize = 4;

/// The log of requests. Cloning shares it.
#[derive(Clone)]
pub struct RequestLog(Arc<Inner>);

struct Inner {
    store: Store,
    clock: Clock,
    sealing: Arc<Sealing>,
    /// How long entries are kept; zero where there is no log.
    retention: Duration,
    ring: Ring,
    share: Share,
    /// What the writer has in hand. When the database did not take it, this is still to be written.
    batch: Mutex<Vec<LoggedRequest>>,
    /// Told when entries were written.
    written: watch::Sender<()>,
    followers: Slots<ClientId>,
}

impl RequestLog {
    /// A log that is kept for so long; none for zero.
    #[must_use]
    pub fn new(store: Store, clock: Clock, sealing: Arc<Sealing>, retention: Duration) -> Self {
        Self(Arc::new(Inner {
            store,
            share: Share::new(&clock),
            clock,
            sealing,
            retention,
            ring: Ring::default(),
            batch: Mutex::default(),
            written: watch::Sender::new(()),
            followers: Slots::new(FOLLOWERS),
        }))
    }

    /// Whether there is a log.
    #[must_use]
    pub fn is_on(&self) -> bool {
        !self.0.retention.is_zero()
    }

    /// Takes a request that was answered. It waits for nothing.
    pub fn record(&self, answered: Answered) {
        let Inner { clock, ring, share, .. } = &*self.0;
        if !self.is_on() {
            return;
        }
        let is_taken = match answered.former_client() {
            Some(client) => share.takes_former(client),
            None => answered.is_proven() || share.takes(answered.address()),
        };
        if !is_taken {
            telemetry::count_dropped_entry(DroppedEntry::Share);
            return;
        }
        if !ring.push(answered.at(clock.now())) {
            telemetry::count_dropped_entry(DroppedEntry::Full);
        }
    }
}
