//! Tells each runner of new events that are for it, and leaves the others alone: of many endpoints few are concerned.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use crate::domain::client::ClientId;
use crate::domain::event::Position;
use crate::domain::webhook::WebhookEndpoint;
use crate::service::webhooks::Webhooks;
use crate::store::{NEAR, Store};

/// How far the feed is, for one endpoint.
pub(super) struct LaneFeed {
    client_id: ClientId,
    /// Whether it is told of orders of every client.
    reads_all: AtomicBool,
    last: AtomicI64,
    /// Behind this there are no events for it, up to the end of the feed.
    concerned: AtomicI64,
    /// Whether events are to be sent to it again.
    has_replays: AtomicBool,
    wake: Notify,
    /// Since when it is not told of everything.
    behind_since: Mutex<Option<Instant>>,
}

type Members = Arc<Mutex<Watched>>;

/// Who is told, and whether somebody watches the feed for them.
#[derive(Default)]
struct Watched {
    members: Vec<Weak<LaneFeed>>,
    watching: Option<AbortHandle>,
}

/// Watches the feed while somebody is there to be told.
pub(super) struct Fan {
    webhooks: Webhooks,
    members: Members,
    went_back: Arc<AtomicBool>,
}

impl LaneFeed {
    /// The end of the feed; and whether there are events for this endpoint behind a position.
    pub(super) fn look(&self, after: Position) -> (Position, bool) {
        // In this order: what concerns it is noted first.
        let last = self.last.load(Ordering::Acquire);
        (Position::new(last), after.get() < self.concerned.load(Ordering::Acquire))
    }

    /// Notes whether it is told of orders of every client.
    pub(super) fn set_reads_all(&self, reads_all: bool) {
        if self.reads_all.swap(reads_all, Ordering::AcqRel) != reads_all {
            self.concern(self.last.load(Ordering::Acquire));
        }
    }

    /// Whether events are to be sent to it again.
    pub(super) fn has_replays(&self) -> bool {
        self.has_replays.load(Ordering::Acquire)
    }

    /// Notes whether events are to be sent to it again.
    pub(super) fn set_replays(&self, has_replays: bool) {
        if !self.has_replays.swap(has_replays, Ordering::AcqRel) && has_replays {
            self.wake.notify_one();
        }
    }

    /// Waits for new events.
    pub(super) async fn woken(&self) {
        self.wake.notified().await;
    }

    /// Notes whether everything was sent.
    pub(super) fn note_behind(&self, is_behind: bool) {
        let mut since = self.behind_since.lock().unwrap_or_else(PoisonError::into_inner);
        *since = if is_behind { since.or_else(|| Some(Instant::now())) } else { None };
    }

    /// For how long something waits to be sent.
    pub(super) fn behind(&self) -> Option<Duration> {
        self.behind_since.lock().unwrap_or_else(PoisonError::into_inner).map(|since| since.elapsed())
    }

    fn concern(&self, last: i64) {
        self.concerned.fetch_max(last, Ordering::AcqRel);
        self.last.fetch_max(last, Ordering::AcqRel);
        self.wake.notify_one();
    }
}

impl Fan {
    pub(super) fn new(webhooks: &Webhooks) -> Self {
        Self { webhooks: webhooks.clone(), members: Arc::default(), went_back: Arc::default() }
    }

    /// Whether the feed went back since this was last asked.
    pub(super) fn went_back(&self) -> bool {
        self.went_back.swap(false, Ordering::AcqRel)
    }

    /// Tells this endpoint from now on. What came before it finds out by itself.
    pub(super) fn join(&self, endpoint: &WebhookEndpoint) -> Arc<LaneFeed> {
        let feed = Arc::new(LaneFeed {
            client_id: endpoint.client_id.clone(),
            reads_all: AtomicBool::new(false),
            last: AtomicI64::new(0),
            concerned: AtomicI64::new(0),
            has_replays: AtomicBool::new(false),
            wake: Notify::new(),
            behind_since: Mutex::default(),
        });
        let mut watched = lock(&self.members);
        watched.members.push(Arc::downgrade(&feed));
        if watched.watching.as_ref().is_none_or(AbortHandle::is_finished) {
            let watching = watch(self.webhooks.clone(), Arc::clone(&self.members), Arc::clone(&self.went_back));
            watched.watching = Some(tokio::spawn(watching).abort_handle());
        }
        drop(watched);
        // The end may have moved between the two.
        let (joined, store) = (Arc::downgrade(&feed), self.webhooks.0.store.clone());
        tokio::spawn(async move { begin(joined, store).await });
        feed
    }
}

impl Drop for Fan {
    fn drop(&mut self) {
        if let Some(watching) = &lock(&self.members).watching {
            watching.abort();
        }
    }
}

/// Tells a new member where the feed ends.
async fn begin(feed: Weak<LaneFeed>, store: Store) {
    while let Some(feed) = feed.upgrade() {
        if let Ok(last) = store.in_time(store.find_last_position()).await {
            return feed.concern(last.get());
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// Watches the feed until nobody is left.
async fn watch(webhooks: Webhooks, members: Members, went_back: Arc<AtomicBool>) {
    let mut feed = webhooks.0.events.watch();
    let mut seen: Option<Position> = None;
    loop {
        let end = feed.moved().await;
        if end.went_back {
            went_back.store(true, Ordering::Release);
            webhooks.0.changed.notify_one();
            seen = None;
        }
        let concerned = match seen {
            Some(seen) if end.last.get() - seen.get() <= NEAR => {
                webhooks.0.store.list_clients_of_events((seen, end.last)).await.ok()
            }
            _ => None,
        };
        seen = Some(end.last);
        if !tell(&members, end.last, concerned.as_ref()) {
            return;
        }
    }
}

/// Tells all of the end of the feed, and wakes those who are concerned; all of them where it is not known who is. False where nobody
/// is left.
fn tell(members: &Members, last: Position, concerned: Option<&HashSet<ClientId>>) -> bool {
    let mut watched = lock(members);
    watched.members.retain(|member| {
        let Some(feed) = member.upgrade() else { return false };
        let is_concerned =
            feed.reads_all.load(Ordering::Acquire) || concerned.is_none_or(|clients| clients.contains(&feed.client_id));
        if is_concerned {
            feed.concern(last.get());
        } else {
            feed.last.fetch_max(last.get(), Ordering::AcqRel);
        }
        true
    });
    if watched.members.is_empty() {
        // Whoever comes next has the feed watched anew.
        watched.watching = None;
        return false;
    }
    true
}

fn lock(members: &Members) -> MutexGuard<'_, Watched> {
    members.lock().unwrap_or_else(PoisonError::into_inner)
}
