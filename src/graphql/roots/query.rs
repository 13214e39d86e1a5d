//! Queries.

use std::sync::Arc;

use async_graphql::{Context, ID, Object, Result};

use crate::domain::event::After;
use crate::domain::order_changes::ChangesCursor;
use crate::domain::page::{PageRequest, Sort, read_length};
use crate::domain::summary::{Dimension, SummaryRequest, Wants};
use crate::error::AppError;
use crate::graphql::cost::budget;
use crate::graphql::cost::points::{page_cost, summary_cost};
use crate::graphql::inputs::{
    ExplainSignatureInput, Input as _, Raw, SalesOrderChangesInput, SalesOrderEventFeedInput, SalesOrderFilter, both,
    changes_cost, feed_cost, read_filter, search_cost,
};
use crate::graphql::output::in_order::ListInOrder;
use crate::graphql::output::scalars::TimeZone;
use crate::graphql::types::preload;
use crate::graphql::types::reader::{Reader, principal, sealing};
use crate::graphql::types::{
    Client, EventConsumer, Node, SalesOrder, SalesOrderChanges, SalesOrderConnection, SalesOrderEventConnection,
    SalesOrderEventFeed, SalesOrderSort, SalesOrderSummary, SignatureCheck, SummaryDimension, connection,
};
use crate::service::events::LOOKS;
use crate::service::{Caller, Services};

#[derive(Default)]
pub struct OrderQuery;

#[Object]
impl OrderQuery {
    /// The client that sends the request, with the scopes of its token.
    #[expect(clippy::unused_async, reason = "who was let through is at hand")]
    async fn viewer(&self, ctx: &Context<'_>) -> Result<Client> {
        let principal = principal(ctx)?;
        Ok(Client { client: principal.known.client.clone(), permissions: principal.permissions.clone() })
    }

    /// Checks the signature headers of this request as they would be checked for an order, and reports each step. Creates
    /// nothing.
    #[graphql(complexity = "20 + child_complexity")]
    async fn signature_check(&self, ctx: &Context<'_>) -> Result<SignatureCheck> {
        let check = ctx.data::<Arc<Services>>()?.signature_checker.check(ctx.data::<Arc<Caller>>()?).await?;
        Ok(SignatureCheck(check))
    }

    /// Checks a signature against the public key in the input. Reads no client's keys and stores nothing.
    #[graphql(complexity = "1000 + child_complexity")]
    async fn explain_signature(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The signature, the public key and the signed request.")] input: Raw<ExplainSignatureInput>,
    ) -> Result<SignatureCheck> {
        let (naming, address) = (*ctx.data()?, ctx.data::<Arc<Caller>>()?.credentials.address);
        Ok(SignatureCheck(
            ctx.data::<Arc<Services>>()?.signature_checker.explain(input.read(ctx)?, naming, address).await?,
        ))
    }

    /// One order by its number; null when there is none that the caller may read. One that the operator has archived is refused with
    /// `ORDER_ARCHIVED`.
    async fn sales_order(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Order number, such as `SO-0000000042`.")] order_number: String,
    ) -> Result<Option<SalesOrder>> {
        let reader = Reader::of(ctx)?;
        let order = budget::orders(ctx, 1)?.sales_order(&reader.scope, &order_number).await?;
        Ok(order.map(|order| SalesOrder::new(order, &reader)))
    }

    /// Orders with a partner reference, the newest first, cancelled ones included: exactly this text. For a client that has given
    /// each of its orders a reference of its own it is the one order that it means.
    #[graphql(complexity = "page_cost(Some(first), child_complexity)")]
    async fn sales_orders_by_reference(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Number of the order in the system of its sender, such as `4500012345`.")]
        partner_reference: String,
        #[graphql(desc = "Number of orders, at most 100.", default = 20)] first: i32,
    ) -> Result<ListInOrder<SalesOrder>> {
        let (reader, first) = (Reader::of(ctx)?, read_length("first", first).map_err(AppError::invalid)?);
        let found = budget::orders(ctx, 1)?.by_reference(&reader.scope, &partner_reference, first).await?;
        Ok(ListInOrder(preload::listed(ctx, found, &reader, &[ctx.look_ahead()]).await?))
    }

    /// Orders, in pages (Relay's cursor connections specification). Every page takes about the same time, however far down
    /// the list. Orders that arrive between two pages neither repeat nor skip a row, and with `orderBy` by `createdAt` or
    /// order number neither do orders that change.
    #[graphql(complexity = "page_cost(first.or(last), child_complexity) + search_cost(filter.as_ref())")]
    #[expect(clippy::too_many_arguments, reason = "the arguments of a connection")]
    async fn sales_orders(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Number of orders from the start, at most 100; 20 when neither `first` nor `last` is given.")]
        first: Option<i32>,
        #[graphql(desc = "Cursor of the order after which the page starts.")] after: Option<String>,
        #[graphql(desc = "Number of orders from the end, at most 100.")] last: Option<i32>,
        #[graphql(desc = "Cursor of the order before which the page ends.")] before: Option<String>,
        #[graphql(name = "where", desc = "Conditions on the orders; all orders when absent.")] filter: Option<
            Raw<SalesOrderFilter>,
        >,
        #[graphql(desc = "Sort order.", default_with = "SalesOrderSort::CreatedAtDesc")] order_by: SalesOrderSort,
    ) -> Result<SalesOrderConnection> {
        let (principal, reader, sort) = (principal(ctx)?, Reader::of(ctx)?, Sort::from(order_by));
        let sealer = reader.sealing.sealer().await?;
        let page = PageRequest::read(sealer, sort, (first, after.as_deref()), (last, before.as_deref()));
        let (page, filter) = both(page, read_filter(ctx, filter.as_ref())).map_err(AppError::invalid)?;
        let found = budget::orders(ctx, 2)?.page(principal, &filter, &page).await?;
        connection::of_orders(ctx, found, sort.key, (principal.clone(), reader, filter)).await
    }

    /// Orders by their last change, in pages, so that whoever asks from time to time misses no change: first the orders there are, the
    /// one that changed longest ago first, then each order whose status changed since, or that is new. No change is passed by before
    /// it can be read. An order may come again without a change: replace what you have of it.
    #[graphql(complexity = "changes_cost(&input, child_complexity)")]
    async fn sales_order_changes(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Conditions on the orders, the length of the page, and the cursor.")] input: Raw<
            SalesOrderChangesInput,
        >,
    ) -> Result<SalesOrderChanges> {
        let (reader, principal) = (Reader::of(ctx)?, principal(ctx)?);
        let cursor = ChangesCursor::open(input.json()["cursor"].as_str(), reader.sealing.sealer().await?);
        let request = SalesOrderChangesInput::read(input.json(), *ctx.data()?);
        let (cursor, request) = both(cursor, request).map_err(AppError::invalid)?;
        let page = budget::read(ctx, 5)?.events.changes(principal, &request, cursor).await?;
        SalesOrderChanges::of(ctx, page, &reader).await
    }

    /// Totals of the orders that `salesOrders` lists for the same `where`.
    #[graphql(complexity = "summary_cost(first, child_complexity) + search_cost(filter.as_ref())")]
    async fn sales_order_summary(
        &self,
        ctx: &Context<'_>,
        #[graphql(name = "where", desc = "Conditions on the orders; all orders when absent.")] filter: Option<
            Raw<SalesOrderFilter>,
        >,
        #[graphql(
            desc = "Dimensions to group by: at most three, at most one of them a time span. No groups when empty.",
            default
        )]
        group_by: Vec<SummaryDimension>,
        #[graphql(
            desc = "Time zone in which hours, days, weeks and months begin.",
            default_with = "TimeZone::JAKARTA"
        )]
        time_zone: TimeZone,
        #[graphql(desc = "Number of groups, at most 1000.", default = 100)] first: i32,
    ) -> Result<SalesOrderSummary> {
        let reader = principal(ctx)?;
        let dimensions = group_by.into_iter().map(Dimension::from).collect();
        let request = SummaryRequest::read(dimensions, time_zone.0, first, wants(ctx));
        let (request, filter) = both(request, read_filter(ctx, filter.as_ref())).map_err(AppError::invalid)?;
        Ok(budget::orders(ctx, SUMMARY_STATEMENTS)?.summary(reader, &filter, &request).await?.into())
    }

    /// Events of orders in the order of the feed, in pages, from the first event that is kept or from a cursor.
    #[graphql(complexity = "page_cost(Some(first), child_complexity) + search_cost(filter.as_ref())")]
    async fn sales_order_events(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Cursor of the event after which the page starts; the first event that is kept when absent.")]
        after: Option<String>,
        #[graphql(desc = "Number of events, at most 100.", default = 100)] first: i32,
        #[graphql(name = "where", desc = "Conditions on the orders whose events are read; all orders when absent.")]
        filter: Option<Raw<SalesOrderFilter>>,
    ) -> Result<SalesOrderEventConnection> {
        let (reader, principal) = (Reader::of(ctx)?, principal(ctx)?);
        let sealer = reader.sealing.sealer().await?;
        let range = both(After::read(after.as_deref(), sealer), read_length("first", first));
        let ((after, first), filter) = both(range, read_filter(ctx, filter.as_ref())).map_err(AppError::invalid)?;
        let events = &budget::read(ctx, 5)?.events;
        let after = events.resume(after, sealer).await?;
        let page = events.page(principal, &filter, after, first).await?;
        connection::of_events(ctx, page, &reader).await
    }

    /// Events of orders in the order of the feed, for a program that reads on from a cursor: no event is missed, and those of an order
    /// come in their own order. A page may be shorter than `limit`, and also empty: `hasMore` alone tells the end.
    #[graphql(complexity = "feed_cost(&input, child_complexity)")]
    async fn sales_order_event_feed(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The cursor, and the length of the page.")] input: Raw<SalesOrderEventFeedInput>,
    ) -> Result<SalesOrderEventFeed> {
        let (reader, principal) = (Reader::of(ctx)?, principal(ctx)?);
        let sealer = reader.sealing.sealer().await?;
        let after = After::read(input.json()["after"].as_str(), sealer);
        let request = SalesOrderEventFeedInput::read(input.json(), *ctx.data()?);
        let (after, request) = both(after, request).map_err(AppError::invalid)?;
        let events = &budget::read(ctx, 3 + 2 * LOOKS)?.events;
        let after = events.resume(after, sealer).await?;
        SalesOrderEventFeed::of(ctx, events.feed(principal, after, request.limit).await?, &reader).await
    }

    /// Consumers of the caller, by name: programs that read the feed of events and let the service keep how far they are.
    async fn event_consumers(&self, ctx: &Context<'_>) -> Result<Vec<EventConsumer>> {
        let (principal, sealing) = (principal(ctx)?, sealing(ctx)?);
        let found = budget::read(ctx, 1)?.events.consumers(principal.client_id()).await?;
        Ok(found.into_iter().map(|consumer| EventConsumer { consumer, sealing: Arc::clone(&sealing) }).collect())
    }

    /// An object by its global id; null when there is none that the caller may read.
    async fn node(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Global id, as the field `id` of the object shows it.")] id: ID,
    ) -> Result<Option<Node>> {
        Ok(preload::nodes(ctx, &[id]).await?.pop().flatten())
    }

    /// Objects by their global ids, each at the index of its id (Relay's plural identifying root field); null where there is
    /// none that the caller may read. For example, a dashboard refreshes the rows that it shows with this field.
    #[graphql(complexity = "page_cost(i32::try_from(ids.len()).ok(), child_complexity)")]
    async fn nodes(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Global ids, at most 100, as the field `id` of the objects shows them.")] ids: Vec<ID>,
    ) -> Result<Vec<Option<Node>>> {
        read_length("ids", i32::try_from(ids.len()).unwrap_or(i32::MAX)).map_err(AppError::invalid)?;
        preload::nodes(ctx, &ids).await
    }
}

/// Number of SQL statements that a summary may run: begin and end of the transaction, currencies, time span, groups, totals,
/// customers.
const SUMMARY_STATEMENTS: usize = 8;

/// The figures that the document selects; others are not computed.
fn wants(ctx: &Context<'_>) -> Wants {
    let selected = |path: &[&str]| path.iter().fold(ctx.look_ahead(), |at, name| at.field(name)).exists();
    Wants {
        groups: selected(&["groups"]) || selected(&["truncated"]),
        group_customers: selected(&["groups", "figures", "customers"]),
        totals: selected(&["totals"]),
        total_customers: selected(&["totals", "customers"]),
    }
}
