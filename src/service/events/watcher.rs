//! Who looks for new events, for all followers of this process.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};
use tracing::{info, warn};

use crate::domain::event::Position;
use crate::error::AppError;
use crate::store::{EventSignal, Outage, Store, StoreError};
use crate::telemetry;

/// How long the watcher trusts that it would have been told. Another process on the same SQLite file tells nobody.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// How long a look may take. A connection that leads nowhere gives no answer, ever.
const LOOK_LIMIT: Duration = Duration::from_secs(2);

/// How long to wait after a look in vain.
const PAUSE: Duration = Duration::from_secs(1);

/// For how long the feed may not have been looked at before its followers are sent away.
const STALE: Duration = Duration::from_secs(10);

/// The last place of the feed.
pub(super) struct Watcher {
    store: Store,
    last: watch::Sender<Position>,
    looked: watch::Sender<Instant>,
    running: Mutex<Option<JoinHandle<()>>>,
}

impl Watcher {
    /// Looks at nothing yet.
    pub(super) fn new(store: Store) -> Self {
        let (last, looked) = (watch::Sender::new(Position::START), watch::Sender::new(Instant::now()));
        Self { store, last, looked, running: Mutex::default() }
    }

    /// The last place of the feed, kept up to date while somebody holds on to it.
    pub(super) fn watch(self: &Arc<Self>) -> watch::Receiver<Position> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let last = self.last.subscribe();
        if running.as_ref().is_none_or(JoinHandle::is_finished) {
            self.looked.send_replace(Instant::now());
            *running = Some(tokio::spawn(run(Arc::clone(self))));
        }
        last
    }

    /// Resolves when the feed was not looked at for too long.
    pub(super) async fn stale(&self) -> AppError {
        loop {
            let left = STALE.saturating_sub(self.age());
            if left.is_zero() {
                return AppError::unavailable("tells of no events", StoreError::no_answer());
            }
            sleep(left).await;
        }
    }

    fn age(&self) -> Duration {
        self.looked.borrow().elapsed()
    }

    /// Whether nobody follows any more; the next one to do so begins anew.
    fn ends(&self) -> bool {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if self.last.receiver_count() > 0 {
            return false;
        }
        *running = None;
        telemetry::note_feed_age(Duration::ZERO);
        true
    }

    async fn look(&self) -> Result<(), StoreError> {
        let looking = timeout(LOOK_LIMIT, self.store.find_last_position()).await;
        let last = looking.unwrap_or_else(|_| Err(StoreError::no_answer()))?;
        self.last.send_if_modified(|known| last > std::mem::replace(known, last.max(*known)));
        self.looked.send_replace(Instant::now());
        Ok(())
    }
}

/// Keeps the last place up to date until nobody follows any more.
async fn run(watcher: Arc<Watcher>) {
    // Listening begins before the first look, so that nothing is told in between.
    let mut signal: EventSignal = watcher.store.event_signal();
    let mut outage = Outage::default();
    while !watcher.ends() {
        match watcher.look().await {
            Ok(()) => {
                if let Some(lasted) = outage.end() {
                    info!(seconds = lasted.as_secs_f64(), "the feed of orders is watched again");
                }
            }
            Err(error) => {
                let cause = telemetry::causes(&error);
                if outage.is_news(&cause) {
                    warn!(cause, "the feed of orders cannot be watched; trying again");
                }
                sleep(PAUSE).await;
            }
        }
        telemetry::note_feed_age(watcher.age());
        signal.wait(LOOK_EVERY).await;
    }
}
