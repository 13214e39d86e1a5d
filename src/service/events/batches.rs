//! The feed in batches, which all who follow the same are told at the same time: what is read for one is read for all of them.

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{self, Stream};
use moka::future::Cache;
use tokio::time::{sleep, sleep_until, timeout};

use super::batch_ends::Next;
use super::{CHECK_SESSION_EVERY, Events, Follower, WINDOW, may_pass};
use crate::domain::event::{After, OrderEvent, Position};
use crate::domain::order_filter::OrderFilter;
use crate::domain::permission::{Permission, Scope};
use crate::domain::sealer::Sealer;
use crate::error::AppError;
use crate::service::caller::LiveSession;

/// How long a page of events is kept for others who follow the same, and how many pages are.
const KEPT: (Duration, u64) = (Duration::from_secs(5), 32);

/// What was read for some follower: by whose orders are meant, the filter, the range of positions, and how many at most.
pub(super) type Pages = Cache<(Scope, Arc<str>, (Position, Position), usize), Arc<Vec<OrderEvent>>>;

pub(super) fn pages() -> Pages {
    Cache::builder().time_to_live(KEPT.0).max_capacity(KEPT.1).build()
}

/// Events that were gathered.
#[derive(Debug, Clone)]
pub struct EventBatch {
    /// In the order of the feed.
    pub events: Arc<Vec<OrderEvent>>,
    /// After which position they come, and up to where the feed was read for them.
    pub range: (Position, Position),
    /// Whether there are more already.
    pub has_more: bool,
    /// Whose orders their reader may read.
    pub scope: Scope,
    /// All that it may do.
    pub permissions: Vec<Permission>,
}

impl Events {
    /// Every event after a position, or from now on, gathered: the first one after a pause at once, then those of a second together, so
    /// many at most. Ends with a failure when the session does.
    pub async fn follow_in_batches(
        &self,
        session: LiveSession,
        filter: OrderFilter,
        after: Option<After>,
        sealer: &Sealer,
        most: usize,
    ) -> Result<impl Stream<Item = Result<EventBatch, AppError>> + use<>, AppError> {
        // Filters that say the same in the same words are one.
        let meant: Arc<str> = format!("{filter:?}").into();
        let follower = self.follower(session, filter, after, sealer).await?;
        Ok(stream::unfold(Some((follower, meant)), move |following| async move {
            let (mut follower, meant) = following?;
            match follower.next_batch(&meant, most).await {
                Ok(batch) => Some((Ok(batch), Some((follower, meant)))),
                Err(error) => Some((Err(error), None)),
            }
        }))
    }
}

impl Follower {
    async fn next_batch(&mut self, meant: &Arc<str>, most: usize) -> Result<EventBatch, AppError> {
        let watcher = Arc::clone(&self.events.watcher);
        tokio::select! {
            biased;
            stale = watcher.stale() => Err(stale),
            batch = self.read_batch(meant, most) => batch,
        }
    }

    async fn read_batch(&mut self, meant: &Arc<str>, most: usize) -> Result<EventBatch, AppError> {
        loop {
            let reader = self.reader().await?;
            let last = self.last()?;
            let end = match self.events.batch_ends.next(self.after, last) {
                Next::Read(end) => end,
                // Time out or not, the session is looked at again.
                Next::Wait(Some(due)) => {
                    sleep_until(due).await;
                    continue;
                }
                Next::Wait(None) => {
                    let _ = timeout(CHECK_SESSION_EVERY, self.feed.changed()).await;
                    continue;
                }
            };
            let after = self.after;
            let until = end.min(Position::new(after.get().saturating_add(WINDOW)));
            let events = match self.page(reader.scope(), meant, (after, until), most).await {
                Ok(events) => events,
                Err(error) if may_pass(&error) => {
                    sleep(CHECK_SESSION_EVERY).await;
                    continue;
                }
                Err(error) => return Err(error),
            };
            let is_all = events.len() < most;
            self.after = events.last().filter(|_| !is_all).map_or(until, |event| event.position);
            if !events.is_empty() {
                let (range, has_more) = ((after, self.after), self.after < end);
                let (scope, permissions) = (reader.scope(), reader.permissions);
                return Ok(EventBatch { events, range, has_more, scope, permissions });
            }
        }
    }

    async fn page(
        &self,
        scope: Scope,
        meant: &Arc<str>,
        range: (Position, Position),
        most: usize,
    ) -> Result<Arc<Vec<OrderEvent>>, AppError> {
        let Events { store, pages, .. } = &self.events;
        let key = (scope.clone(), Arc::clone(meant), range, most);
        let read = async {
            let reading = async { Ok(store.list_events(&scope, &self.filter, range, most).await?) };
            store.in_time::<_, AppError>(reading).await.map(Arc::new)
        };
        pages.try_get_with(key, read).await.map_err(|error| AppError::clone(&error))
    }
}
