use std::sync::Arc;

use async_graphql::{Context, Object, Result};

use super::SalesOrderEvent;
use crate::error::AppError;
use crate::graphql::output::in_order::ListInOrder;
use crate::graphql::types::preload;
use crate::graphql::types::reader::Reader;
use crate::service::events::FeedPage;

/// A page of the feed of events.
pub struct SalesOrderEventFeed {
    nodes: Vec<SalesOrderEvent>,
    next_cursor: String,
    has_more: bool,
}

/// A page of the feed of events.
#[Object]
impl SalesOrderEventFeed {
    /// Events of the page, in the order of the feed.
    async fn nodes(&self) -> ListInOrder<&SalesOrderEvent> {
        ListInOrder(self.nodes.iter().collect())
    }

    /// Cursor after which the feed goes on, also where the page has no events, such as
    /// `Q-rnbqWz3A4xBjIYVanuikPo_wCJ52hJ`. Opaque; it stays good.
    async fn next_cursor(&self) -> &str {
        &self.next_cursor
    }

    /// Whether there may be more events now: then ask on with the cursor at once, else later.
    async fn has_more(&self) -> bool {
        self.has_more
    }
}

impl SalesOrderEventFeed {
    /// The page, with what is selected of its events.
    pub async fn of(ctx: &Context<'_>, page: FeedPage, reader: &Arc<Reader>) -> Result<Self> {
        let nodes = preload::events(ctx, page.events.clone(), reader).await?;
        let page = page.shortened(nodes.len());
        let next_cursor = page.next.seal(reader.sealing.sealer().await?).map_err(AppError::from)?;
        Ok(Self { nodes, next_cursor, has_more: page.has_more })
    }
}
