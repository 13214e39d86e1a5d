//! The feed: events of all orders, read in pages or followed as it grows.
//!
//! Every follower reads the table from its own position on, so it misses nothing and repeats nothing, whichever instance
//! wrote the event and however slow the follower is: a slow one holds a page in memory and a position, nothing more. What
//! wakes followers up is one watcher a process.

mod batch_ends;
mod batches;
mod changes;
mod consumers;
mod feed;
mod retention;
mod watch;
mod watcher;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{self, Stream};
use tokio::sync::Notify;
use tokio::sync::watch as channel;

use self::batch_ends::BatchEnds;
pub use self::batches::EventBatch;
use self::batches::{Pages, pages};
pub use self::changes::ChangesPage;
pub use self::feed::{FeedPage, LOOKS};
pub use self::watch::FeedWatch;
use self::watcher::{Feed, Watcher};
use super::caller::{LiveSession, Principal};
use super::slots::{Slot, Slots};
use super::turns::Turns;
use crate::clock::Clock;
use crate::domain::client::ClientId;
use crate::domain::event::{After, OrderEvent, Position};
use crate::domain::order::OrderNumber;
use crate::domain::order_filter::OrderFilter;
use crate::domain::page::Page;
use crate::domain::permission::Scope;
use crate::domain::sealer::Sealer;
use crate::error::{AppError, ErrorCode};
use crate::store::{NEAR, Store};

/// How often a follower's session is looked at while nothing happens: a revoked one ends within 5 seconds.
const CHECK_SESSION_EVERY: Duration = Duration::from_secs(1);

// With the three seconds for which a client is remembered by default.
const _: () = assert!(CHECK_SESSION_EVERY.as_secs() + 3 < 5);

/// How many positions of the feed a follower looks through at once.
const WINDOW: i64 = NEAR;

/// How many events a follower reads at once.
const EVENTS_PER_READ: usize = 100;

/// After how long a client may try again that has too many followers. Those on a network that was lost are there for up to a
/// minute, until their connections are found to be gone.
const SLOT_RETRY: Duration = Duration::from_secs(5);

tokio::task_local! {
    /// Told when the follower that this task waits for has begun.
    static BEGUN: Arc<Notify>;
}

/// Waits for the first event of a stream that follows the feed, but no longer than until it has begun: from then on nothing may
/// come for hours.
pub async fn begin<T>(first: impl Future<Output = Option<T>>) -> Option<T> {
    let begun = Arc::new(Notify::new());
    tokio::select! {
        biased;
        first = BEGUN.scope(Arc::clone(&begun), first) => first,
        () = begun.notified() => None,
    }
}

/// Work of a task of its own that tells of a beginning in the place of who spawns it.
pub fn carried<F: Future>(work: F) -> impl Future<Output = F::Output> {
    let begun = BEGUN.try_with(Arc::clone).ok();
    async move {
        match begun {
            Some(begun) => BEGUN.scope(begun, work).await,
            None => work.await,
        }
    }
}

/// Tells who waits for the beginning of a stream that it has begun.
pub(super) fn tell_begun() {
    let _ = BEGUN.try_with(|begun| begun.notify_one());
}

/// Reads and follows the feed.
#[derive(Clone)]
pub struct Events {
    store: Store,
    clock: Clock,
    reports: Turns<ClientId>,
    watcher: Arc<Watcher>,
    followers: Arc<Slots<ClientId>>,
    batch_ends: Arc<BatchEnds>,
    pages: Pages,
}

impl Events {
    /// The feed of this store, which each client may follow so many times at once.
    #[must_use]
    pub fn new(store: Store, clock: Clock, reports: Turns<ClientId>, followers_per_client: usize) -> Self {
        let watcher = Arc::new(Watcher::new(store.clone()));
        let followers = Arc::new(Slots::new(followers_per_client));
        Self { store, clock, reports, watcher, followers, batch_ends: Arc::default(), pages: pages() }
    }

    /// Events after a position, of orders that match the filter.
    pub async fn page(
        &self,
        reader: &Principal,
        filter: &OrderFilter,
        after: Option<Position>,
        first: usize,
    ) -> Result<Page<OrderEvent>, AppError> {
        let scope = &reader.scope();
        filter.ensure_readable(scope)?;
        let is_all = *scope == Scope::All && *filter == OrderFilter::default();
        let _turn = if is_all { None } else { Some(self.reports.turn(reader.client_id()).await?) };
        let read = |after| self.store.list_events(scope, filter, (after, Position::END), first + 1);
        let mut rows = match after {
            Some(after) => read(after).await?,
            None => self.read_from_beginning(read).await?,
        };
        let has_next = rows.len() > first;
        rows.truncate(first);
        if let Some(after) = after
            && rows.is_empty()
        {
            self.ensure_not_ahead(after).await?;
        }
        Ok(Page { rows, has_previous: after.is_some(), has_next })
    }

    /// Where a reader goes on. A cursor in the form from before they were sealed can be written by anybody, so it counts only
    /// where one may have been given out: else a client would find out the positions of its events by trying.
    pub async fn resume(&self, after: Option<After>, sealer: &Sealer) -> Result<Option<Position>, AppError> {
        let Some(After { position, is_old_form }) = after else { return Ok(None) };
        if is_old_form
            && let Some(last) = self.store.find_time_of_position(position).await?
            && !sealer.knew_old_form(last)
        {
            return Err(AppError::invalid(vec![After::fault()]));
        }
        Ok(Some(position))
    }

    /// Refuses a position that this feed never gave out: a follower of it would get no event for a long time.
    pub(super) async fn ensure_not_ahead(&self, after: Position) -> Result<(), AppError> {
        if after <= self.store.find_last_given_position().await? {
            return Ok(());
        }
        Err(AppError::invalid(vec![After::ahead()]))
    }

    /// The events at these positions that are of orders in the scope. An id in the form from before ids were sealed counts
    /// only where one may have been given out.
    pub async fn at(
        &self,
        scope: &Scope,
        ids: &[After],
        sealer: &Sealer,
    ) -> Result<HashMap<After, OrderEvent>, AppError> {
        let positions: Vec<_> = ids.iter().map(|id| id.position).collect();
        let events = self.store.list_events_at(scope, &positions).await?;
        let by_position: HashMap<_, _> = events.into_iter().map(|event| (event.position, event)).collect();
        let known = |id: &After| {
            let event = by_position.get(&id.position)?;
            (!id.is_old_form || sealer.knew_old_form(event.created_at)).then(|| (*id, event.clone()))
        };
        Ok(ids.iter().filter_map(known).collect())
    }

    /// The histories of many orders at once.
    pub async fn of_orders(&self, orders: &[OrderNumber]) -> Result<HashMap<OrderNumber, Vec<OrderEvent>>, AppError> {
        Ok(self.store.list_events_of_orders(orders).await?)
    }

    /// Every event after a position, or from now on, and then each one as it happens, each with what its reader may see at that
    /// moment. Ends with a failure when the session does.
    pub async fn follow(
        &self,
        session: LiveSession,
        filter: OrderFilter,
        after: Option<After>,
        sealer: &Sealer,
    ) -> Result<impl Stream<Item = Result<(OrderEvent, Scope), AppError>> + use<>, AppError> {
        let follower = self.follower(session, filter, after, sealer).await?;
        Ok(stream::unfold(Some(follower), |follower| async {
            let mut follower = follower?;
            match follower.next().await {
                Ok(event) => Some((Ok(event), Some(follower))),
                Err(error) => Some((Err(error), None)),
            }
        }))
    }

    async fn follower(
        &self,
        session: LiveSession,
        filter: OrderFilter,
        after: Option<After>,
        sealer: &Sealer,
    ) -> Result<Follower, AppError> {
        // No request's time ends a subscription, so its beginning has a limit of its own.
        let begin = Box::pin(self.begin(&session, &filter, after, sealer));
        let (slot, after) = self.store.in_time(begin).await?;
        let feed = self.watcher.watch();
        tell_begun();
        let restores = feed.borrow().went_back_to.len();
        let ready = VecDeque::new();
        Ok(Follower { events: self.clone(), session, filter, after, feed, restores, ready, _slot: slot })
    }

    /// A slot for one more follower, and where it begins.
    async fn begin(
        &self,
        session: &LiveSession,
        filter: &OrderFilter,
        after: Option<After>,
        sealer: &Sealer,
    ) -> Result<(Slot<ClientId>, Position), AppError> {
        let after = self.resume(after, sealer).await?;
        let principal = session.principal().await?;
        filter.ensure_readable(&principal.scope())?;
        let slot = self.followers.take(principal.client_id()).ok_or_else(|| {
            let limit = self.followers.each();
            let message = format!("A client may have {limit} subscriptions at once; end one, then subscribe again");
            AppError::new(ErrorCode::RateLimited, message).retry_after(SLOT_RETRY)
        })?;
        match after {
            Some(after) => {
                self.ensure_not_ahead(after).await?;
                Ok((slot, after))
            }
            None => Ok((slot, self.store.find_last_position().await?)),
        }
    }
}

struct Follower {
    events: Events,
    session: LiveSession,
    filter: OrderFilter,
    /// Everything up to here was read.
    after: Position,
    feed: channel::Receiver<Feed>,
    /// How often the feed had gone back when this follower looked last.
    restores: usize,
    /// Events that were read and not sent yet, each with the scope of its reader.
    ready: VecDeque<(OrderEvent, Scope)>,
    _slot: Slot<ClientId>,
}

impl Follower {
    /// The next event. Who comes back with its cursor may find an instance that can read the feed, so a follower is sent away
    /// when this one cannot, whatever it waits for.
    async fn next(&mut self) -> Result<(OrderEvent, Scope), AppError> {
        if let Some(event) = self.ready.pop_front() {
            return Ok(event);
        }
        let watcher = Arc::clone(&self.events.watcher);
        tokio::select! {
            biased;
            stale = watcher.stale() => Err(stale),
            event = self.read_next() => event,
        }
    }

    async fn read_next(&mut self) -> Result<(OrderEvent, Scope), AppError> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Ok(event);
            }
            let scope = self.reader().await?.scope();
            let last = self.last()?;
            if last <= self.after {
                // Time out or not, the session is looked at again.
                let _ = tokio::time::timeout(CHECK_SESSION_EVERY, self.feed.changed()).await;
                continue;
            }
            // So far at once that every read is a short one, however few of the events are meant.
            let until = last.min(Position::new(self.after.get().saturating_add(WINDOW)));
            let range = (self.after, until);
            let store = &self.events.store;
            let reading =
                async { Ok::<_, AppError>(store.list_events(&scope, &self.filter, range, EVENTS_PER_READ).await?) };
            match store.in_time(reading).await {
                Ok(events) => {
                    // Of what the filter leaves out nothing comes back, and it must not be read again and again.
                    let is_all = events.len() < EVENTS_PER_READ;
                    self.after = events.last().filter(|_| !is_all).map_or(until, |event| event.position);
                    self.ready = events.into_iter().map(|event| (event, scope.clone())).collect();
                }
                // The outage may pass, and the position in the feed is still known.
                Err(error) if may_pass(&error) => {
                    tokio::time::sleep(CHECK_SESSION_EVERY).await;
                }
                Err(error) => return Err(error),
            }
        }
    }
}

impl Follower {
    /// Who follows, with what it may read now: it may have lost a scope since. Waits where the database may be back soon.
    async fn reader(&self) -> Result<Principal, AppError> {
        loop {
            match self.session.principal().await {
                Ok(principal) => {
                    self.filter.ensure_readable(&principal.scope())?;
                    return Ok(principal);
                }
                Err(error) if may_pass(&error) => tokio::time::sleep(CHECK_SESSION_EVERY).await,
                Err(error) => return Err(error),
            }
        }
    }

    /// The last position of the feed. Fails when the feed went back below what was read: those positions now get other events.
    fn last(&mut self) -> Result<Position, AppError> {
        let feed = self.feed.borrow_and_update();
        if feed.has_lost(self.after, self.restores) {
            return Err(AppError::invalid(vec![After::ahead()]));
        }
        self.restores = feed.went_back_to.len();
        Ok(feed.last)
    }
}

/// Whether the database may be back soon.
fn may_pass(error: &AppError) -> bool {
    matches!(error.code, ErrorCode::DatabaseUnavailable | ErrorCode::Overloaded)
}
