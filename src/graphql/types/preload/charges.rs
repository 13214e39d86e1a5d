//! Points and counts of what is shown: a document's cost holds a usual number for each order, and what there is beyond it is charged
//! when it is known.

use std::collections::HashMap;

use async_graphql::{Context, Lookahead, Result, SelectionField};

use crate::domain::order::{self, OrderNumber};
use crate::domain::order_request::OrderRequest;
use crate::domain::shipment::Shipment;
use crate::error::AppError;
use crate::graphql::cost::budget::{self, Budget};
use crate::graphql::cost::points::{LINES_PER_ORDER, REQUESTS_PER_ORDER, SHIPMENTS_PER_ORDER};

/// What belongs to an order and has lines of its own: how many an order usually has, and how many lines one of them has.
pub(super) type Parts<T> = (usize, fn(&T) -> usize);

pub(super) const SHIPMENTS: Parts<Shipment> = (SHIPMENTS_PER_ORDER, |shipment| shipment.lines.len());

pub(super) const REQUESTS: Parts<OrderRequest> = (REQUESTS_PER_ORDER, |request| request.asked.named_lines());

/// Takes the points of such parts, and of their lines, beyond a usual number for each order.
pub(super) fn charge_parts<'s, T: 's>(
    budget: &Budget,
    of_orders: impl IntoIterator<Item = Option<&'s Vec<T>>>,
    (usual, lines): &Parts<T>,
    fields: usize,
) -> Result<(), AppError> {
    let of_order = |parts: &Vec<T>| parts.iter().map(|part| 1 + lines(part) / LINES_PER_ORDER).sum::<usize>();
    let further = of_orders.into_iter().flatten().map(|found| of_order(found).saturating_sub(*usual));
    budget.charge(further.sum::<usize>().saturating_mul(fields))
}

/// Takes the points of the lines that an event tells of, beyond the usual number.
pub fn charge_event(ctx: &Context<'_>, lines: usize) -> Result<()> {
    let fields: usize = ctx.field().selection_set().map(|field| count(&field)).sum();
    Ok(budget::of(ctx)?.charge(lines.saturating_sub(LINES_PER_ORDER).saturating_mul(fields))?)
}

/// Takes the points of lines before they are read: the document's cost holds a usual number for each order.
pub(super) fn charge_lines<'o>(
    budget: &Budget,
    orders: impl IntoIterator<Item = &'o order::SalesOrder>,
    fields: usize,
) -> Result<(), AppError> {
    let each = |order: &order::SalesOrder| usize::try_from(order.line_count).unwrap_or_default();
    let (lines, usual) = orders
        .into_iter()
        .fold((0_usize, 0_usize), |(lines, usual), order| (lines + each(order), usual + LINES_PER_ORDER));
    budget.charge(lines.saturating_sub(usual).saturating_mul(fields))
}

/// The same for what shows its number only when it is read.
pub(super) fn charge_rows<T>(
    budget: &Budget,
    selected: &[Lookahead<'_>],
    (name, usual): (&str, usize),
    found: &HashMap<OrderNumber, Vec<T>>,
    shown: &[OrderNumber],
) -> Result<(), AppError> {
    let fields: usize = selected.iter().map(|order| fields_below(&order.field(name))).sum();
    let rows: usize = shown.iter().filter_map(|number| found.get(number)).map(Vec::len).sum();
    budget.charge(rows.saturating_sub(shown.len() * usual).saturating_mul(fields))
}

/// How many fields are selected below one, at all depths.
pub(super) fn fields_below(field: &Lookahead<'_>) -> usize {
    field.selection_fields().iter().map(count_fields).sum()
}

fn count_fields(field: &SelectionField<'_>) -> usize {
    field.selection_set().map(|field| count(&field)).sum()
}

pub(super) fn count(field: &SelectionField<'_>) -> usize {
    1 + count_fields(field)
}
