use std::sync::Arc;

use async_graphql::connection::{Connection, Edge};
use async_graphql::{Context, Object, Result};

use super::{SalesOrder, SalesOrderEvent};
use crate::domain::event::OrderEvent;
use crate::domain::order;
use crate::domain::order_filter::OrderFilter;
use crate::domain::page::{self, Cursor, Page, SortKey};
use crate::domain::permission::Scope;
use crate::error::AppError;
use crate::graphql::in_order::InOrder;
use crate::graphql::preload;
use crate::service::Services;

/// A page of orders.
pub type SalesOrderConnection = Connection<String, InOrder<SalesOrder>, Count>;

/// A page of events.
pub type SalesOrderEventConnection = Connection<String, SalesOrderEvent>;

/// Counts what the list pages through, when somebody asks.
pub struct Count {
    scope: Scope,
    filter: OrderFilter,
}

#[Object]
impl Count {
    /// How many orders there are in all, counted up to `max`: one more than `max` means that there are more.
    #[graphql(complexity = "10")]
    async fn total_count(
        &self,
        ctx: &Context<'_>,
        #[graphql(default = 10_000, desc = "Where to stop counting, 0 to 100,000.")] max: i32,
    ) -> Result<i64> {
        let max = page::read_max(max).map_err(AppError::invalid)?;
        Ok(ctx.data::<Arc<Services>>()?.orders.count(&self.scope, &self.filter, max).await?)
    }
}

/// Draws a page of orders.
pub async fn of_orders(
    ctx: &Context<'_>,
    page: Page<order::SalesOrder>,
    key: SortKey,
    (scope, filter): (Scope, OrderFilter),
) -> Result<SalesOrderConnection> {
    let cursors: Vec<_> = page.rows.iter().map(|order| Cursor::of(key, order).encode()).collect();
    let orders = preload::orders(ctx, page.rows).await?;
    let count = Count { scope, filter };
    let mut connection = Connection::with_additional_fields(page.has_previous, page.has_next, count);
    connection.edges.extend(cursors.into_iter().zip(orders).map(|(cursor, order)| Edge::new(cursor, InOrder(order))));
    Ok(connection)
}

/// Draws a page of events.
pub async fn of_events(ctx: &Context<'_>, page: Page<OrderEvent>) -> Result<SalesOrderEventConnection> {
    let cursors: Vec<_> = page.rows.iter().map(|event| event.position.encode()).collect();
    let events = preload::events(ctx, page.rows).await?;
    let mut connection = Connection::new(page.has_previous, page.has_next);
    connection.edges.extend(cursors.into_iter().zip(events).map(|(cursor, event)| Edge::new(cursor, event)));
    Ok(connection)
}
