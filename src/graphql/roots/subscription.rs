//! Subscriptions.

use std::sync::Arc;

use async_graphql::{Context, Result, Subscription as Subscriptions};
use futures_util::stream::{Stream, StreamExt as _};

use crate::domain::event::After;
use crate::domain::page::read_batch_length;
use crate::domain::request_log::RequestLogFilter as Filter;
use crate::error::AppError;
use crate::graphql::cost::budget;
use crate::graphql::cost::points::page_cost;
use crate::graphql::inputs::{Raw, RequestLogFilter, SalesOrderFilter, both, read_filter};
use crate::graphql::output::shared::Shared;
use crate::graphql::types::reader::sealing;
use crate::graphql::types::{RequestLogEntry, SalesOrderEvent, SalesOrderEventBatch};
use crate::service::{Caller, Services};

pub struct Subscription;

/// Subscriptions.
#[Subscriptions]
impl Subscription {
    /// Events of orders, sent as they happen. After a lost connection no event is missed: subscribe again with the cursor
    /// of the last event as `after`, and all events since then are sent first.
    async fn sales_order_events(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Cursor of the event to start after; only new events when absent.")] after: Option<String>,
        #[graphql(name = "where", desc = "Conditions on the orders whose events are sent; all orders when absent.")]
        filter: Option<Raw<SalesOrderFilter>>,
    ) -> Result<impl Stream<Item = Result<SalesOrderEvent>> + use<>> {
        let (sealing, events) = (sealing(ctx)?, &ctx.data::<Arc<Services>>()?.events);
        let sealer = sealing.sealer().await?;
        let asked = both(After::read(after.as_deref(), sealer), read_filter(ctx, filter.as_ref()));
        let (after, filter) = asked.map_err(AppError::invalid)?;
        let events = events.follow(ctx.data::<Arc<Caller>>()?.live_session()?, filter, after, sealer).await?;
        Ok(budget::renewed(ctx, events)?.map(move |event| Ok(SalesOrderEvent::told(event?, &sealing))))
    }

    /// Events of orders, gathered: the first one after a pause is sent at once, those of the second after it together, so that there is
    /// a message a second where no more than `first` events come in it. After a lost connection no event is missed: subscribe again with the
    /// last `nextCursor` as `after`. Viewers who send the same document and may read the same cost little more than one of them.
    #[graphql(complexity = "page_cost(Some(first), child_complexity)")]
    async fn sales_order_event_batches(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Cursor of the event or batch to start after; only new events when absent.")] after: Option<
            String,
        >,
        #[graphql(
            desc = "Number of events of a batch, 1 to 200. Of a document that selects much, ask for fewer: a batch that costs more than a \
                    request may ends the subscription.",
            default = 200
        )]
        first: i32,
        #[graphql(name = "where", desc = "Conditions on the orders whose events are sent; all orders when absent.")]
        filter: Option<Raw<SalesOrderFilter>>,
    ) -> Result<impl Stream<Item = Result<SalesOrderEventBatch>> + use<>> {
        let (sealing, events) = (sealing(ctx)?, &ctx.data::<Arc<Services>>()?.events);
        let sealer = sealing.sealer().await?;
        let range = both(After::read(after.as_deref(), sealer), read_batch_length("first", first));
        let ((after, first), filter) = both(range, read_filter(ctx, filter.as_ref())).map_err(AppError::invalid)?;
        let session = ctx.data::<Arc<Caller>>()?.live_session()?;
        let batches = events.follow_in_batches(session, filter, after, sealer, first).await?;
        let batches = Shared::announced(ctx, batches);
        Ok(budget::renewed(ctx, batches)?.map(move |batch| Ok(SalesOrderEventBatch::told(batch?, &sealing))))
    }

    /// Entries of the log of requests, sent about a second after their answers. What was answered before, and what could be written
    /// only later, is in the query `requestLog`.
    async fn request_log(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "Client id of who sent them. When absent, the caller, or with scope `clients:read` everybody. Another client needs \
                    that scope."
        )]
        client_id: Option<String>,
        #[graphql(name = "where", desc = "Which entries are sent; all when absent.")] filter: Option<
            Raw<RequestLogFilter>,
        >,
    ) -> Result<impl Stream<Item = Result<RequestLogEntry>> + use<>> {
        let log = &ctx.data::<Arc<Services>>()?.request_log;
        let filter = filter.map_or(Ok(Filter::default()), |filter| filter.read(ctx))?;
        let entries = log.follow(ctx.data::<Arc<Caller>>()?.live_session()?, client_id, filter).await?;
        Ok(budget::renewed(ctx, entries)?.map(|entry| Ok(RequestLogEntry(entry?))))
    }
}
