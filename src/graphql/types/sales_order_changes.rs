use std::sync::Arc;

use async_graphql::{Context, Object, Result};

use super::SalesOrder;
use crate::error::AppError;
use crate::graphql::output::written::WrittenList;
use crate::graphql::types::preload;
use crate::graphql::types::reader::Reader;
use crate::service::events::ChangesPage;

/// A page of the orders by their last change.
pub struct SalesOrderChanges {
    nodes: Vec<SalesOrder>,
    next_cursor: String,
    has_more: bool,
}

/// A page of the orders by their last change.
#[Object]
impl SalesOrderChanges {
    /// Orders of the page, as they are now.
    async fn nodes(&self) -> WrittenList<'_, SalesOrder> {
        WrittenList(self.nodes.iter().collect())
    }

    /// Cursor after which the list goes on, also where the page has no orders, such as
    /// `Q-rnbqWz3A4xBjIYVanuikPo_wCJ52hJDZOncIQAt_Hp4nAU_4OWBQ`. Opaque; it stays good.
    async fn next_cursor(&self) -> &str {
        &self.next_cursor
    }

    /// Whether there may be more orders now: then ask on with the cursor at once, else later.
    async fn has_more(&self) -> bool {
        self.has_more
    }
}

impl SalesOrderChanges {
    /// The page, with what is selected of its orders.
    pub async fn of(ctx: &Context<'_>, page: ChangesPage, reader: &Arc<Reader>) -> Result<Self> {
        let fitting = preload::fitting(ctx, page.orders.iter().map(|(order, _)| order));
        let ChangesPage { orders, next, has_more } = page.shortened(fitting);
        let next_cursor = next.seal(reader.sealing.sealer().await?).map_err(AppError::from)?;
        let orders = orders.into_iter().map(|(order, _)| order).collect();
        Ok(Self { nodes: preload::orders(ctx, orders, reader).await?, next_cursor, has_more })
    }
}
