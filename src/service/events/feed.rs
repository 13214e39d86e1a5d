//! The feed in pages that end soon, however few of the events their reader may see.

use super::Events;
use crate::domain::event::{OrderEvent, Position};
use crate::domain::order_filter::OrderFilter;
use crate::domain::permission::Scope;
use crate::error::AppError;
use crate::service::caller::Principal;
use crate::store::NEAR;

/// How often one page looks through [`NEAR`] positions of other clients' orders: about 50 ms in all.
pub const LOOKS: usize = 5;

/// A page of the feed.
pub struct FeedPage {
    /// The events, in the order of the feed.
    pub events: Vec<OrderEvent>,
    /// Where the feed goes on after the page.
    pub next: Position,
    /// Whether there may be more events now.
    pub has_more: bool,
}

impl Events {
    /// The events after a position that the reader may see, so many at most.
    pub async fn feed(&self, reader: &Principal, after: Option<Position>, limit: usize) -> Result<FeedPage, AppError> {
        match after {
            Some(after) => self.feed_after(reader, after, limit).await,
            None => self.read_from_beginning(|beginning| self.feed_after(reader, beginning, limit)).await,
        }
    }

    async fn feed_after(&self, reader: &Principal, after: Position, limit: usize) -> Result<FeedPage, AppError> {
        let (scope, filter) = (&reader.scope(), &OrderFilter::default());
        let end = self.store.find_last_position().await?;
        if after > end {
            self.ensure_not_ahead(after).await?;
        }
        // The end may be an earlier one than the last time.
        let (mut events, mut next) = (Vec::new(), after);
        for _ in 0..LOOKS {
            if next >= end || events.len() > limit {
                break;
            }
            let until = if *scope == Scope::All { end } else { end.min(Position::new(next.get() + NEAR)) };
            let wanted = limit + 1 - events.len();
            events.extend(self.store.list_events(scope, filter, (next, until), wanted).await?);
            next = until;
        }
        let has_more = next < end;
        Ok(FeedPage { events, next, has_more }.shortened(limit))
    }
}

impl FeedPage {
    /// The page with so many events at most.
    #[must_use]
    pub fn shortened(mut self, length: usize) -> Self {
        if length < self.events.len() {
            self.events.truncate(length);
            self.has_more = true;
            self.next = self.events.last().map_or(self.next, |event| event.position);
        }
        self
    }
}
