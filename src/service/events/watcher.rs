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

/// The pause after a read that failed.
const PAUSE: Duration = Duration::from_secs(1);

/// For how long the feed may not have been looked at before its followers are sent away.
const STALE: Duration = Duration::from_secs(10);

/// The feed as followers are told of it.
#[derive(Debug)]
pub(super) struct Feed {
    /// Its last position.
    pub last: Position,
    /// Where it went back to, each time it did so since somebody follows: a backup was restored under the running service.
    pub went_back_to: Vec<Position>,
}

impl Feed {
    const UNKNOWN: Self = Self { last: Position::START, went_back_to: Vec::new() };

    /// Whether a position that was read is beyond the end to which the feed went back, so that later positions get other
    /// events. `seen` is how often the feed had gone back when its follower last looked.
    pub fn has_lost(&self, position: Position, seen: usize) -> bool {
        self.went_back_to.iter().skip(seen).any(|end| *end < position)
    }
}

/// Reads the last position of the feed, again and again, for all followers.
pub(super) struct Watcher {
    store: Store,
    feed: watch::Sender<Feed>,
    looked: watch::Sender<Instant>,
    running: Mutex<Option<JoinHandle<()>>>,
}

impl Watcher {
    /// Looks at nothing yet.
    pub(super) fn new(store: Store) -> Self {
        let (feed, looked) = (watch::Sender::new(Feed::UNKNOWN), watch::Sender::new(Instant::now()));
        Self { store, feed, looked, running: Mutex::default() }
    }

    /// The feed, kept up to date while somebody holds on to it.
    pub(super) fn watch(self: &Arc<Self>) -> watch::Receiver<Feed> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let feed = self.feed.subscribe();
        if running.as_ref().is_none_or(JoinHandle::is_finished) {
            self.note_look();
            *running = Some(tokio::spawn(run(Arc::clone(self))));
        }
        feed
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

    fn note_look(&self) {
        let now = Instant::now();
        self.looked.send_replace(now);
        telemetry::note_last_look(Some(now));
    }

    fn age(&self) -> Duration {
        self.looked.borrow().elapsed()
    }

    /// Whether nobody follows any more; the next one to do so begins anew.
    fn ends(&self) -> bool {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if self.feed.receiver_count() > 0 {
            return false;
        }
        *running = None;
        // Until somebody follows again, nobody looks whether it goes back.
        self.feed.send_replace(Feed::UNKNOWN);
        telemetry::note_last_look(None);
        true
    }

    async fn look(&self) -> Result<(), StoreError> {
        let looking = timeout(LOOK_LIMIT, self.find_feed()).await;
        let (last, older_end) = looking.unwrap_or_else(|_| Err(StoreError::no_answer()))?;
        self.feed.send_if_modified(|feed| {
            if let Some(end) = older_end {
                warn!(
                    from = feed.last.get(),
                    to = end.get(),
                    "the feed of orders went back: the database was restored; followers beyond it are told to begin anew"
                );
                feed.went_back_to.push(end);
            }
            let next = if older_end.is_some() { last } else { last.max(feed.last) };
            let known = std::mem::replace(&mut feed.last, next);
            older_end.is_some() || next > known
        });
        self.note_look();
        Ok(())
    }

    /// The last position; and the last one that was given out, if it is before one that followers were told. A position that
    /// was told was committed, so it is not one that was given out and rolled back; and deleting events does not change
    /// which positions were given out.
    async fn find_feed(&self) -> Result<(Position, Option<Position>), StoreError> {
        let last = self.store.find_last_position().await?;
        let told = self.feed.borrow().last;
        if last >= told {
            return Ok((last, None));
        }
        let given = self.store.find_last_given_position().await?;
        Ok((last, Some(given).filter(|given| *given < told)))
    }
}

/// Keeps the feed up to date until nobody follows any more.
async fn run(watcher: Arc<Watcher>) {
    // Listening begins before the first look, so that nothing is told in between.
    let mut signal: EventSignal = watcher.store.event_signal();
    let (mut outage, mut is_in_vain) = (Outage::default(), false);
    // While it looks in vain it goes on although nobody follows: its followers were sent away because of that, and the age of
    // its last look is to rise until the outage is over.
    while is_in_vain || !watcher.ends() {
        let looked = watcher.look().await;
        is_in_vain = looked.is_err();
        match looked {
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
        signal.wait(LOOK_EVERY).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_follower_is_sent_away_by_what_the_feed_lost_since_it_looked_and_by_nothing_else() {
        let [before, end, beyond] = [1, 5, 6].map(Position::new);
        let feed = Feed { last: before, went_back_to: vec![end, before] };
        assert!(feed.has_lost(beyond, 0) && feed.has_lost(end, 0), "whichever of them took it");
        assert!(!feed.has_lost(before, 0), "what it read is still there");
        assert!(!feed.has_lost(beyond, 2), "it began after both");
        assert!(!Feed::UNKNOWN.has_lost(beyond, 0));
    }
}
