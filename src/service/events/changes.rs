//! Orders by their last change, page after page, so that whoever reads on misses none.

use super::Events;
use crate::domain::event::Position;
use crate::domain::order::SalesOrder;
use crate::domain::order_changes::{ChangesCursor, ChangesRequest};
use crate::error::AppError;
use crate::service::caller::Principal;

/// How many positions of the feed are looked through for one page: about 5 ms, where they are other clients' orders.
const WINDOW: i64 = 5_000;

/// A page of the list.
pub struct ChangesPage {
    /// The orders, each with the cursor by which the list goes on after it.
    pub orders: Vec<(SalesOrder, ChangesCursor)>,
    /// The cursor by which the list goes on after the page.
    pub next: ChangesCursor,
    /// Whether there may be more orders now.
    pub has_more: bool,
}

impl Events {
    /// One page of the orders that are meant, by their last change. The list begins with the orders there are. With its first page it
    /// notes the end of the feed: what is not seen of them comes after that, and is read from there on.
    pub async fn changes(
        &self,
        reader: &Principal,
        request: &ChangesRequest,
        cursor: Option<ChangesCursor>,
    ) -> Result<ChangesPage, AppError> {
        let scope = &reader.scope();
        let ChangesRequest { filter, limit } = request;
        // Looked at before anything is read, or what is read would lack what comes before the end.
        let end = self.store.find_last_position().await?;
        let begin = ChangesCursor { position: end, listed: Some((i64::MIN, 0)) };
        let ChangesCursor { position, listed } = cursor.unwrap_or(begin);
        if position > end && position > self.store.find_last_given_position().await? {
            return Err(AppError::invalid(vec![ChangesCursor::ahead()]));
        }
        let Some(after) = listed else {
            let until = end.min(Position::new(position.get().saturating_add(WINDOW)));
            let found = self.store.list_orders_changed_in(scope, filter, (position, until), end, limit + 1).await?;
            let at = |position| ChangesCursor { position, listed: None };
            let orders = found.into_iter().map(|(order, position)| (order, at(position))).collect();
            // The end may be an earlier one than the last time.
            return Ok(ChangesPage::of(orders, *limit, at(until.max(position)), until < end));
        };
        let (found, stopped_at) = self.store.list_orders_by_change(scope, filter, after, limit + 1).await?;
        let at = |listed| ChangesCursor { position, listed };
        let place = |order: &SalesOrder| Some((order.updated_at.timestamp_micros(), order.number.id()));
        let orders = found.into_iter().map(|order| (at(place(&order)), order)).map(|(at, order)| (order, at)).collect();
        Ok(ChangesPage::of(orders, *limit, at(stopped_at), stopped_at.is_some() || position < end))
    }
}

impl ChangesPage {
    /// The page of what was fetched, one more than wanted.
    fn of(orders: Vec<(SalesOrder, ChangesCursor)>, limit: usize, next: ChangesCursor, has_more: bool) -> Self {
        Self { orders, next, has_more }.shortened(limit)
    }

    /// The page with so many orders at most.
    #[must_use]
    pub fn shortened(mut self, length: usize) -> Self {
        if length < self.orders.len() {
            self.orders.truncate(length);
            self.has_more = true;
            self.next = self.orders.last().map_or(self.next, |(_, cursor)| *cursor);
        }
        self
    }
}
