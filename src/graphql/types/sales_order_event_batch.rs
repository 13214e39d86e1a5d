use std::sync::Arc;

use async_graphql::{Context, Object, Result};

use super::SalesOrderEvent;
use crate::error::AppError;
use crate::graphql::output::in_order::ListInOrder;
use crate::graphql::types::preload;
use crate::graphql::types::reader::Reader;
use crate::service::Sealing;
use crate::service::events::EventBatch;

/// Events that were gathered.
pub struct SalesOrderEventBatch {
    batch: EventBatch,
    reader: Arc<Reader>,
}

impl SalesOrderEventBatch {
    /// A batch of a subscription, with what its reader may see now.
    pub fn told(batch: EventBatch, sealing: &Arc<Sealing>) -> Self {
        let reader = Arc::new(Reader { scope: batch.scope.clone(), sealing: Arc::clone(sealing) });
        Self { batch, reader }
    }
}

/// Events that were gathered.
#[Object]
impl SalesOrderEventBatch {
    /// Events of the batch, 200 at most, in the order of the feed.
    async fn nodes(&self, ctx: &Context<'_>) -> Result<ListInOrder<SalesOrderEvent>> {
        let events = self.batch.events.to_vec();
        Ok(ListInOrder(preload::listed_events(ctx, events, &self.reader, &[ctx.look_ahead()]).await?))
    }

    /// Cursor after which the feed goes on: subscribe again with it after a lost connection.
    async fn next_cursor(&self) -> Result<String> {
        Ok(self.batch.range.1.seal(self.reader.sealing.sealer().await?).map_err(AppError::from)?)
    }

    /// Whether there are more events already: they come with the next batch, at once.
    async fn has_more(&self) -> bool {
        self.batch.has_more
    }
}
