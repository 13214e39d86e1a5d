use std::sync::Arc;

use async_graphql::connection::{Connection, Edge, PageInfo};
use async_graphql::{Context, Object, Result};

use super::{AuditConnection, SalesOrder, SalesOrderEvent};
use crate::domain::audit::AuditEntry;
use crate::domain::event::OrderEvent;
use crate::domain::order;
use crate::domain::order_filter::OrderFilter;
use crate::domain::page::{self, Cursor, Page, SortKey};
use crate::domain::sealer::Sealer;
use crate::error::AppError;
use crate::graphql::cost::budget;
use crate::graphql::cost::points::{SEARCH, count_cost};
use crate::graphql::output::in_order::InOrder;
use crate::graphql::output::written::WrittenList;
use crate::graphql::types::preload;
use crate::graphql::types::reader::Reader;
use crate::service::Principal;

/// A page of events.
pub type SalesOrderEventConnection = Connection<String, SalesOrderEvent>;

/// A page of orders.
pub struct SalesOrderConnection {
    edges: Vec<SalesOrderEdge>,
    has_previous: bool,
    has_next: bool,
    principal: Principal,
    reader: Arc<Reader>,
    filter: OrderFilter,
}

/// A page of orders.
#[Object]
impl SalesOrderConnection {
    /// First and last cursor of the page, and whether there are more orders.
    async fn page_info(&self) -> Result<PageInfo, AppError> {
        let sealer = self.reader.sealing.sealer().await?;
        let seal = |edge: &SalesOrderEdge| edge.cursor.seal(sealer);
        Ok(PageInfo {
            has_previous_page: self.has_previous,
            has_next_page: self.has_next,
            start_cursor: self.edges.first().map(seal).transpose()?,
            end_cursor: self.edges.last().map(seal).transpose()?,
        })
    }

    /// Orders of the page, each with its cursor.
    async fn edges(&self) -> WrittenList<'_, SalesOrderEdge> {
        WrittenList(self.edges.iter().collect())
    }

    /// Orders of the page.
    async fn nodes(&self) -> WrittenList<'_, SalesOrder> {
        WrittenList(self.edges.iter().map(|edge| &edge.node).collect())
    }

    /// Number of orders on all pages, counted up to `max`: `max` + 1 means that there are more than `max`.
    #[graphql(complexity = "count_cost(max)")]
    async fn total_count(
        &self,
        ctx: &Context<'_>,
        #[graphql(default = 10_000, desc = "Where to stop counting, 0 to 100,000.")] max: i32,
    ) -> Result<i64> {
        let max = page::read_max(max).map_err(AppError::invalid)?;
        if self.filter.is_search() {
            budget::of(ctx)?.charge(SEARCH)?;
        }
        Ok(budget::orders(ctx, 2)?.count(&self.principal, &self.filter, max).await?)
    }
}

pub struct SalesOrderEdge {
    pub(super) node: SalesOrder,
    /// Sealed when it is asked for.
    pub(super) cursor: Cursor,
}

/// An order of a page with its cursor.
#[Object]
impl SalesOrderEdge {
    /// The order.
    async fn node(&self) -> InOrder<&SalesOrder> {
        InOrder(&self.node)
    }

    /// Cursor of the order in this list, for `after` and `before`. Opaque.
    async fn cursor(&self) -> Result<String, AppError> {
        Ok(self.cursor.seal(self.node.reader.sealing.sealer().await?)?)
    }
}

/// The connection of a page of orders.
pub async fn of_orders(
    ctx: &Context<'_>,
    mut page: Page<order::SalesOrder>,
    key: SortKey,
    (principal, reader, filter): (Principal, Arc<Reader>, OrderFilter),
) -> Result<SalesOrderConnection> {
    preload::shorten(ctx, &mut page);
    let orders = preload::orders(ctx, page.rows, &reader).await?;
    let edge = |node: SalesOrder| SalesOrderEdge { cursor: Cursor::of(key, &node.order), node };
    let edges = orders.into_iter().map(edge).collect();
    let (has_previous, has_next) = (page.has_previous, page.has_next);
    Ok(SalesOrderConnection { edges, has_previous, has_next, principal, reader, filter })
}

/// The connection of a page of events.
pub async fn of_events(
    ctx: &Context<'_>,
    page: Page<OrderEvent>,
    reader: &Arc<Reader>,
) -> Result<SalesOrderEventConnection> {
    let sealer = reader.sealing.sealer().await?;
    let seal = |event: &OrderEvent| event.position.seal(sealer);
    let cursors: Vec<_> = page.rows.iter().map(seal).collect::<Result<_, _>>().map_err(AppError::from)?;
    let events = preload::events(ctx, page.rows, reader).await?;
    let mut connection = Connection::new(page.has_previous, page.has_next);
    connection.edges.extend(cursors.into_iter().zip(events).map(|(cursor, event)| Edge::new(cursor, event)));
    Ok(connection)
}

/// The connection of a page of the audit log.
pub fn of_log(log: Page<AuditEntry>, sealer: &Sealer) -> std::result::Result<AuditConnection, AppError> {
    let mut connection = Connection::new(log.has_previous, log.has_next);
    for entry in log.rows {
        connection.edges.push(Edge::new(entry.cursor(sealer)?, entry.into()));
    }
    Ok(connection)
}
