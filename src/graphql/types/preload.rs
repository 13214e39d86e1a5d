//! Reads what the orders of a page will be asked for, before they are asked: one statement for each kind, however many
//! orders there are and however long their fields take. A loader gathers only what is asked for within its millisecond.

mod charges;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use async_graphql::{Context, ID, Lookahead, Result};

pub use charges::charge_event;
use charges::{REQUESTS, SHIPMENTS, charge_lines, charge_parts, charge_rows, count, fields_below};

use super::client_nodes::ClientNodes;
use super::loaders::Loaders;
use super::node::{GlobalId, Node, read_global_id};
use super::reader::Reader;
use crate::domain::acknowledgement::Acknowledgement;
use crate::domain::event::OrderEvent;
use crate::domain::fulfilment;
use crate::domain::order::{self, OrderNumber, SalesOrderLine};
use crate::domain::order_request::OrderRequest;
use crate::domain::page::Page;
use crate::domain::permission::Scope;
use crate::domain::receipt::Receipt;
use crate::domain::shipment::Shipment;
use crate::graphql::cost::budget;
use crate::graphql::cost::points::{EVENTS_PER_ORDER, LINES_PER_ORDER};
use crate::graphql::types::{SalesOrder, SalesOrderEvent};
use crate::service::{Orders, Services};

/// What belongs to some orders, as far as it is selected.
#[derive(Default)]
struct Related {
    lines: Option<HashMap<OrderNumber, Vec<SalesOrderLine>>>,
    /// Whether the lines have their answers.
    has_answers: bool,
    shipments: Option<HashMap<OrderNumber, Vec<Shipment>>>,
    requests: Option<HashMap<OrderNumber, Vec<OrderRequest>>>,
    partly_shipped: Option<HashMap<OrderNumber, bool>>,
    acknowledgements: Option<HashMap<OrderNumber, Vec<Acknowledgement>>>,
    events: Option<HashMap<OrderNumber, Vec<OrderEvent>>>,
    receipts: Option<HashMap<OrderNumber, Receipt>>,
}

/// In the data of a request that reads page after page to the end: a page may have fewer orders than are asked for, so
/// that it has no more lines than memory is meant for.
pub struct ShortPages;

/// About as many lines as 400 usual orders have.
const LINES_OF_SHORT_PAGE: i32 = 2000;

/// How many orders of a page may be kept, so that it has not too many lines; an order that has them by itself stays whole.
pub fn fitting<'o>(ctx: &Context<'_>, orders: impl Iterator<Item = &'o order::SalesOrder>) -> usize {
    if ctx.data_opt::<ShortPages>().is_none() {
        return usize::MAX;
    }
    let mut lines = 0;
    let mut fits = |order: &order::SalesOrder| {
        lines += order.line_count;
        lines <= LINES_OF_SHORT_PAGE
    };
    orders.map_while(|order| fits(order).then_some(())).count().max(1)
}

/// A page cut where it would have too many lines.
pub fn shorten(ctx: &Context<'_>, page: &mut Page<order::SalesOrder>) {
    let kept = fitting(ctx, page.rows.iter());
    if kept < page.rows.len() {
        page.rows.truncate(kept);
        page.has_next = true;
    }
}

/// The orders of a page, with what the page selects of them.
pub async fn orders(
    ctx: &Context<'_>,
    orders: Vec<order::SalesOrder>,
    reader: &Arc<Reader>,
) -> Result<Vec<SalesOrder>> {
    let page = ctx.look_ahead();
    listed(ctx, orders, reader, &[page.field("nodes"), page.field("edges").field("node")]).await
}

/// The orders of a list, with what is selected of them.
pub async fn listed(
    ctx: &Context<'_>,
    orders: Vec<order::SalesOrder>,
    reader: &Arc<Reader>,
    selected: &[Lookahead<'_>],
) -> Result<Vec<SalesOrder>> {
    let fields = selected.iter().map(|order| fields_below(&order.field("products"))).sum();
    charge_lines(budget::of(ctx)?, &orders, fields)?;
    let numbers: Vec<_> = orders.iter().map(|order| order.number).collect();
    let mut related = related(ctx, &orders.iter().collect::<Vec<_>>(), &numbers, selected).await?;
    Ok(orders.into_iter().map(|order| related.attach(order, reader)).collect())
}

/// The orders with these numbers that the scope holds, with what is selected of them. Each costs its lines as often as its
/// number is named, for so often it is shown.
async fn by_number(
    ctx: &Context<'_>,
    scope: &Scope,
    numbers: &[OrderNumber],
    selected: &[Lookahead<'_>],
    reader: &Arc<Reader>,
) -> Result<HashMap<OrderNumber, SalesOrder>> {
    let orders = found(ctx, scope, numbers).await?;
    attached(ctx, orders, numbers, selected, reader).await
}

async fn found(
    ctx: &Context<'_>,
    scope: &Scope,
    numbers: &[OrderNumber],
) -> Result<HashMap<OrderNumber, order::SalesOrder>> {
    let distinct: Vec<_> = BTreeSet::from_iter(numbers).into_iter().copied().collect();
    if distinct.is_empty() {
        return Ok(HashMap::new());
    }
    Ok(budget::orders(ctx, 1)?.by_number(scope, &distinct).await?)
}

async fn attached(
    ctx: &Context<'_>,
    orders: HashMap<OrderNumber, order::SalesOrder>,
    numbers: &[OrderNumber],
    selected: &[Lookahead<'_>],
    reader: &Arc<Reader>,
) -> Result<HashMap<OrderNumber, SalesOrder>> {
    let shown = numbers.iter().filter_map(|number| orders.get(number));
    let fields = selected.iter().map(|order| fields_below(&order.field("products"))).sum();
    charge_lines(budget::of(ctx)?, shown, fields)?;
    let mut related = related(ctx, &orders.values().collect::<Vec<_>>(), numbers, selected).await?;
    Ok(orders.into_values().map(|order| (order.number, related.attach(order, reader))).collect())
}

/// What each of the ids names, if the caller may see it: a statement or two for each kind, however many.
pub async fn nodes(ctx: &Context<'_>, ids: &[ID]) -> Result<Vec<Option<Node>>> {
    let reader = Reader::of(ctx)?;
    let (scope, sealer) = (&reader.scope, reader.sealing.sealer().await?);
    let ids: Vec<_> = ids.iter().map(|id| read_global_id(id, sealer)).collect();
    let (mut numbers, mut positions) = (Vec::new(), Vec::new());
    for id in ids.iter().flatten() {
        match id {
            GlobalId::SalesOrder(number) => numbers.push(*number),
            GlobalId::SalesOrderEvent(at) => positions.push(*at),
            GlobalId::Client(_) | GlobalId::ClientKey(..) | GlobalId::ClientAuditEntry(_) => {}
        }
    }
    let orders = by_number(ctx, scope, &numbers, &[ctx.look_ahead()], &reader).await?;
    let events = match positions.as_slice() {
        [] => HashMap::new(),
        positions => budget::read(ctx, 1)?.events.at(scope, positions, sealer).await?,
    };
    let event = |event: &OrderEvent| Node::SalesOrderEvent(SalesOrderEvent::new(event.clone(), &reader));
    let clients = ClientNodes::load(ctx, ids.iter().flatten()).await?;
    let named = |id: Option<GlobalId>| match id? {
        GlobalId::SalesOrder(number) => orders.get(&number).cloned().map(Node::SalesOrder),
        GlobalId::SalesOrderEvent(at) => events.get(&at).map(event),
        of_clients => clients.find(&of_clients),
    };
    Ok(ids.into_iter().map(named).collect())
}

/// The events of a page, with their orders if the page selects something of them. Of pages that may be short, as many of the first
/// ones as fit.
pub async fn events(ctx: &Context<'_>, events: Vec<OrderEvent>, reader: &Arc<Reader>) -> Result<Vec<SalesOrderEvent>> {
    let page = ctx.look_ahead();
    listed_events(ctx, events, reader, &[page.field("nodes"), page.field("edges").field("node")]).await
}

/// The events of a list, with their orders if something of them is selected. Of lists that may be short, as many of the first ones as
/// fit.
pub async fn listed_events(
    ctx: &Context<'_>,
    mut events: Vec<OrderEvent>,
    reader: &Arc<Reader>,
    nodes: &[Lookahead<'_>],
) -> Result<Vec<SalesOrderEvent>> {
    let selected: Vec<_> = nodes.iter().map(|event| event.field("salesOrder")).collect();
    let is_selected = nodes.iter().any(|event| event.field("partnerReference").exists());
    if !is_selected && selected.iter().all(|order| !order.exists()) {
        return Ok(events.into_iter().map(|event| SalesOrderEvent::new(event, reader)).collect());
    }
    let mut numbers: Vec<_> = events.iter().map(|event| event.number).collect();
    // Whoever holds an event got it from a query that asked for the caller's own.
    let mut orders = found(ctx, &Scope::All, &numbers).await?;
    if selected.iter().any(Lookahead::exists) {
        let kept = fitting(ctx, numbers.iter().filter_map(|number| orders.get(number)));
        events.truncate(kept);
        numbers.truncate(kept);
        orders.retain(|number, _| numbers.contains(number));
    }
    let orders = attached(ctx, orders, &numbers, &selected, reader).await?;
    // Copied, for an order may have more than one event on a page.
    let with_order = |event: OrderEvent| {
        let order = orders.get(&event.number).cloned();
        SalesOrderEvent::new(event, reader).with_order(order)
    };
    Ok(events.into_iter().map(with_order).collect())
}

/// What belongs to these orders, each of which costs as often as it is shown.
async fn related(
    ctx: &Context<'_>,
    orders: &[&order::SalesOrder],
    shown: &[OrderNumber],
    selected: &[Lookahead<'_>],
) -> Result<Related> {
    let which = |may: fn(&order::SalesOrder) -> bool| -> Vec<_> {
        orders.iter().filter(|order| may(order)).map(|order| order.number).collect()
    };
    let numbers = &which(|_| true)[..];
    let wanted = |name: &str| !numbers.is_empty() && selected.iter().any(|order| order.field(name).exists());
    let (services, reader) = (ctx.data::<Arc<Services>>()?, ctx.data::<Orders>()?);
    let budget = budget::of(ctx)?;
    let mut related = Related::default();
    if wanted("products") {
        budget.statements(1)?;
        related.has_answers = selected.iter().any(|order| order.field("products").field("answer").exists());
        related.lines = Some(reader.lines(numbers, related.has_answers).await?);
    }
    if wanted("shipments") {
        let numbers = which(order::SalesOrder::may_have_shipments);
        let found = if numbers.is_empty() {
            HashMap::new()
        } else {
            budget.statements(1)?;
            reader.shipments(&numbers).await?
        };
        let fields = selected.iter().map(|order| fields_below(&order.field("shipments"))).sum();
        charge_parts(budget, shown.iter().map(|number| found.get(number)), &SHIPMENTS, fields)?;
        related.shipments = Some(found);
    }
    if wanted("requests") {
        let numbers = which(order::SalesOrder::may_have_requests);
        let found = if numbers.is_empty() {
            HashMap::new()
        } else {
            budget.statements(1)?;
            reader.requests(&numbers).await?
        };
        let fields = selected.iter().map(|order| fields_below(&order.field("requests"))).sum();
        charge_parts(budget, shown.iter().map(|number| found.get(number)), &REQUESTS, fields)?;
        related.requests = Some(found);
    }
    if wanted("nextStatuses") {
        let numbers = which(order::SalesOrder::may_be_partly_shipped);
        related.partly_shipped = Some(if numbers.is_empty() {
            HashMap::new()
        } else {
            budget.statements(1)?;
            reader.partly_shipped(&numbers).await?
        });
    }
    if wanted("acknowledgements") {
        budget.statements(1)?;
        let found = reader.acknowledgements(numbers).await?;
        charge_rows(budget, selected, ("acknowledgements", LINES_PER_ORDER), &found, shown)?;
        related.acknowledgements = Some(found);
    }
    if wanted("events") {
        budget.statements(1)?;
        let found = services.events.of_orders(numbers).await?;
        charge_rows(budget, selected, ("events", EVENTS_PER_ORDER), &found, shown)?;
        related.events = Some(found);
    }
    if wanted("receipt") {
        budget.statements(1)?;
        related.receipts = Some(reader.receipts(numbers).await?);
    }
    Ok(related)
}

/// The lines of an order that is on no page.
pub async fn lines_of_one(ctx: &Context<'_>, order: &order::SalesOrder) -> Result<Vec<SalesOrderLine>> {
    charge_lines(budget::of(ctx)?, [order], ctx.field().selection_set().map(|field| count(&field)).sum())?;
    let mut lines = ctx.data::<Loaders>()?.lines.load_one(order.number).await?.unwrap_or_default();
    fulfilment::follow(order.status, &mut lines);
    Ok(lines)
}

/// The shipments of an order that is on no page.
pub async fn shipments_of_one(ctx: &Context<'_>, order: &order::SalesOrder) -> Result<Vec<Shipment>> {
    if !order.may_have_shipments() {
        return Ok(Vec::new());
    }
    let shipments = ctx.data::<Loaders>()?.shipments.load_one(order.number).await?.unwrap_or_default();
    let fields = ctx.field().selection_set().map(|field| count(&field)).sum();
    charge_parts(budget::of(ctx)?, [Some(&shipments)], &SHIPMENTS, fields)?;
    Ok(shipments)
}

/// The requests of an order that is on no page.
pub async fn requests_of_one(ctx: &Context<'_>, order: &order::SalesOrder) -> Result<Vec<OrderRequest>> {
    if !order.may_have_requests() {
        return Ok(Vec::new());
    }
    let requests = ctx.data::<Loaders>()?.requests.load_one(order.number).await?.unwrap_or_default();
    let fields = ctx.field().selection_set().map(|field| count(&field)).sum();
    charge_parts(budget::of(ctx)?, [Some(&requests)], &REQUESTS, fields)?;
    Ok(requests)
}

impl Related {
    /// Gives the order what belongs to it.
    fn attach(&mut self, order: order::SalesOrder, reader: &Arc<Reader>) -> SalesOrder {
        let number = order.number;
        let mut lines = of(self.lines.as_mut(), number);
        if self.has_answers
            && let Some(lines) = &mut lines
        {
            fulfilment::follow(order.status, lines);
        }
        SalesOrder {
            lines,
            shipments: of(self.shipments.as_mut(), number),
            requests: of(self.requests.as_mut(), number),
            has_left: self.partly_shipped.as_ref().map(|known| known.get(&number).copied().unwrap_or_default()),
            acknowledgements: of(self.acknowledgements.as_mut(), number),
            events: of(self.events.as_mut(), number),
            receipt: self.receipts.as_mut().and_then(|receipts| receipts.remove(&number)),
            ..SalesOrder::new(order, reader)
        }
    }
}

fn of<T>(all: Option<&mut HashMap<OrderNumber, Vec<T>>>, number: OrderNumber) -> Option<Vec<T>> {
    all.map(|all| all.remove(&number).unwrap_or_default())
}
